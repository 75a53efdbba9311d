import type pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Access, beginSql } from './begin-sql.ts';
import { createQueue } from '../queue.ts';
import { connect } from './connect.ts';
import { asFault } from './faults.ts';
import type { ServerPlace } from './server-place.ts';

/**
 * A connection, on which one transaction runs after the other. Nothing is kept in it from one to the next, so that there may be a
 * pooler between, and a connection that was lost is made anew.
 */
export interface Session {
  /** As it may be shown. */
  readonly place: ServerPlace;
  /**
   * Runs `work` in one transaction: what it did is committed as a whole, or rolled back with what it throws.
   * @returns what `work` gives
   * @throws DatabaseFault, or what `work` throws
   */
  transaction<T>(operation: string, access: Access, work: (client: pg.ClientBase) => Promise<T>): Promise<T>;
  /**
   * Runs statements in a transaction of their own, by one round trip. They need not outlive a power cut.
   * @returns what each gives
   * @throws DatabaseFault
   */
  note(operation: string, statements: readonly Statement[]): Promise<readonly pg.QueryResult[]>;
  /**
   * Begins a transaction, in which what fails may be undone; nothing else may be asked of the session before it has ended.
   * @param question SQL of one statement to begin with
   * @returns `answer`: its first row
   * @throws DatabaseFault
   */
  begin(operation: string, question: string): Promise<{ transaction: OpenTransaction; answer: unknown }>;
  close(): Promise<void>;
}

/** A statement with its parameters. */
export type Statement = readonly [sql: string, parameters: readonly unknown[]];

/** A transaction that is under way. Where its connection is lost, so is it. */
export interface OpenTransaction {
  /**
   * Runs its work: where that throws, all that was done since the transaction was begun is undone, and it goes on.
   * @throws DatabaseFault, or what `work` throws
   */
  readonly attempt: <T>(operation: string, work: (client: pg.ClientBase) => Promise<T>) => Promise<T>;
  /** @throws DatabaseFault */
  commit(operation: string): Promise<void>;
  rollback(): Promise<void>;
}

/** How long the server may take to hear that a connection ends, in ms. */
const CLOSE_WITHIN_MS = 1_000;

/**
 * A session that connects when it is first needed, and again where it has lost its connection.
 * @param name what the server lists it as
 * @param pipeline the server is asked more than one thing at a time where that is safe, which spares round trips; nothing can be copied to it
 */
export function createSession(place: ServerPlace, name: string, pipeline = false): Session {
  let connected: pg.Client | null = null;
  const connection = async (): Promise<pg.Client> => {
    if (connected !== null) return connected;
    const client = await connect(place, name, pipeline);
    const lose = (): void => {
      if (connected === client) connected = null;
    };
    client.on('end', lose).on('error', lose);
    return (connected = client);
  };
  const queue = createQueue();
  return {
    place,
    transaction: (operation, access, work) =>
      queue(async () => {
        const client = await connection();
        try {
          return await (pipeline && access === 'snapshot'
            ? inPipeline(client, beginSql(place, access), work)
            : inTransaction(client, beginSql(place, access), work));
        } catch (error) {
          throw asFault(operation, place, error);
        }
      }),
    note: (operation, statements) =>
      queue(async () => {
        const client = await connection();
        const begin = beginSql(place, 'note');
        try {
          return await (pipeline
            ? atOnce(client, begin, statements)
            : inTransaction(client, begin, (within) => oneByOne(within, statements)));
        } catch (error) {
          throw asFault(operation, place, error);
        }
      }),
    begin: (operation, question) =>
      queue(async () => {
        const client = await connection();
        try {
          const results = await inOneGo(client, [beginSql(place, 'write'), question, 'SAVEPOINT begun']);
          return { transaction: openTransaction(place, client), answer: results.at(-2)?.rows[0] };
        } catch (error) {
          await client.query('ROLLBACK').catch(() => undefined);
          throw asFault(operation, place, error);
        }
      }),
    close: () =>
      queue(async () => {
        const client = connected;
        connected = null;
        if (client !== null) await Promise.race([client.end(), sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
      }),
  };
}

function openTransaction(place: ServerPlace, client: pg.ClientBase): OpenTransaction {
  return {
    async attempt(operation, work) {
      try {
        return await work(client);
      } catch (error) {
        // Where the connection is gone, so is the transaction.
        await client.query('ROLLBACK TO SAVEPOINT begun').catch(() => undefined);
        throw asFault(operation, place, error);
      }
    },
    async commit(operation) {
      try {
        await commit(client);
      } catch (error) {
        throw asFault(operation, place, error);
      }
    },
    async rollback() {
      await client.query('ROLLBACK').catch(() => undefined);
    },
  };
}

/** Runs `work` between a begin and a COMMIT or ROLLBACK. */
async function inTransaction<T>(
  client: pg.ClientBase,
  begin: string,
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  try {
    await client.query(begin);
    const result = await work(client);
    await commit(client);
    return result;
  } catch (error) {
    // Where the connection is gone, so is the transaction; what ended it says more.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/**
 * As `inTransaction`, with fewer round trips: the begin is not waited for, nor the end of a transaction that wrote nothing. Where it does
 * not begin, neither does what `work` asks find its tables.
 */
async function inPipeline<T>(
  client: pg.ClientBase,
  begin: string,
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  const begun = client.query(begin);
  const worked = work(client);
  try {
    await Promise.all([begun, worked]);
    client.query('COMMIT').catch(() => undefined);
  } catch (error) {
    await worked.catch(() => undefined);
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  return await worked;
}

/** Runs statements in a transaction, without waiting for an answer. Of those that fail the first tells why: what follows it fails, too. */
async function atOnce(
  client: pg.ClientBase,
  begin: string,
  statements: readonly Statement[],
): Promise<readonly pg.QueryResult[]> {
  const begun = client.query(begin);
  const asked = statements.map(([sql, parameters]) => client.query(sql, [...parameters]));
  await Promise.all([begun, ...asked, commit(client)]);
  return await Promise.all(asked);
}

async function oneByOne(client: pg.ClientBase, statements: readonly Statement[]): Promise<readonly pg.QueryResult[]> {
  const results: pg.QueryResult[] = [];
  for (const [sql, parameters] of statements) results.push(await client.query(sql, [...parameters]));
  return results;
}

/**
 * Runs statements without parameters by one round trip; each sees what is committed when its turn comes.
 * @returns what each gives; one of several statements has a result for each of them
 */
export async function inOneGo(
  client: pg.ClientBase,
  statements: readonly string[],
): Promise<readonly pg.QueryResult<Record<string, unknown>>[]> {
  const results: unknown = await client.query(statements.join(';\n'));
  // The types of `pg` know of one statement only, of which it gives the result itself.
  return [results].flat() as readonly pg.QueryResult<Record<string, unknown>>[];
}

async function commit(client: pg.ClientBase): Promise<void> {
  const { command } = await client.query('COMMIT');
  // After a statement that failed, COMMIT rolls back and says so without an error.
  if (command !== 'COMMIT') throw new Error('the transaction was rolled back instead of committed');
}

/** Runs `work` in the transaction that is open; what it did is undone where it throws. */
async function inSavepoint<T>(client: pg.ClientBase, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  await client.query('SAVEPOINT nested');
  try {
    const result = await work(client);
    await client.query('RELEASE SAVEPOINT nested');
    return result;
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested').catch(() => undefined);
    throw error;
  }
}

/**
 * A session inside a transaction that is open: each transaction of its own is a savepoint, and none of them lasts.
 * @param client on which the transaction runs, whose owner ends it
 */
export function nestedSession(place: ServerPlace, client: pg.ClientBase): Session {
  const part = async <T>(operation: string, work: (client: pg.ClientBase) => Promise<T>): Promise<T> => {
    try {
      return await inSavepoint(client, work);
    } catch (error) {
      throw asFault(operation, place, error);
    }
  };
  return {
    place,
    transaction: (operation, _access, work) => part(operation, work),
    note: (operation, statements) => part(operation, () => oneByOne(client, statements)),
    begin: () => Promise.reject(new Error('a transaction is open')),
    close: () => Promise.resolve(),
  };
}
