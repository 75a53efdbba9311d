import type pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { quoteName } from '../sql-names.ts';
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
  /** Begins a transaction, in which parts may be undone; nothing else may be asked of the session before it has ended. */
  begin(operation: string): Promise<OpenTransaction>;
  close(): Promise<void>;
}

/** A transaction that is under way. Where its connection is lost, so is it. */
export interface OpenTransaction {
  /**
   * Runs what it begins with.
   * @throws DatabaseFault, or what `work` throws; it can then only be rolled back
   */
  readonly first: <T>(operation: string, work: (client: pg.ClientBase) => Promise<T>) => Promise<T>;
  /**
   * Runs a part of it: what that did is undone where it throws, and the transaction goes on.
   * @throws DatabaseFault, or what `work` throws
   */
  readonly part: <T>(operation: string, work: (client: pg.ClientBase) => Promise<T>) => Promise<T>;
  /** @throws DatabaseFault */
  commit(operation: string): Promise<void>;
  rollback(): Promise<void>;
}

/**
 * - `write`: each statement sees what is committed when it begins
 * - `note`: as `write`, for what need not outlive a power cut
 * - `snapshot`: all statements see the same, and nothing is written
 */
export type Access = 'write' | 'note' | 'snapshot';

/** How long a transaction may be without a statement: whoever stands still in it lets go of its locks then. */
export const IDLE_WITHIN = '10min';

/** How long the server may take to hear that a connection ends, in ms. */
const CLOSE_WITHIN_MS = 1_000;

/**
 * What a transaction must not take over from a role or a database: limits of time would end large files, and dates and times are read as ISO, in UTC.
 * A client that is gone, or whose host is, gives way after a while to those that wait for its locks, in the middle of a long statement, too
 * (which not every system can tell).
 * A file is looked up in a table by its index, not by reading all of the table, and has room for that; of temporary tables a sample is enough.
 */
const SETTINGS = `SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO 0; SET LOCAL datestyle TO 'ISO, YMD'; SET LOCAL timezone TO 'UTC';
  SET LOCAL idle_in_transaction_session_timeout TO '${IDLE_WITHIN}'; SET LOCAL jit TO off; SET LOCAL work_mem TO '64MB'; SET LOCAL random_page_cost TO 1.1; SET LOCAL default_statistics_target TO 10; SET LOCAL tcp_keepalives_idle TO 30;
  SET LOCAL tcp_keepalives_interval TO 10; SET LOCAL tcp_keepalives_count TO 3;
  SELECT set_config('client_connection_check_interval', '1s', true) WHERE version() LIKE '%linux%'`;

/** A default of the role or the database must not decide: a snapshot taken before the feed's lock would miss what others committed. */
const BEGIN: Readonly<Record<Access | 'rehearsal', string>> = {
  write: 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET CONSTRAINTS ALL IMMEDIATE',
  note: 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit TO off',
  snapshot: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  rehearsal: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE; SET CONSTRAINTS ALL IMMEDIATE',
};

/**
 * SQL that begins a transaction in which unqualified names are those of the place's schema.
 * @param access `rehearsal`: one in which all statements see the same, and which is rolled back
 */
export function beginSql({ url }: ServerPlace, access: Access | 'rehearsal'): string {
  return `${BEGIN[access]}; ${SETTINGS}; SET LOCAL search_path TO ${quoteName(url.schema)}`;
}

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
  const inTurn = createTurns();
  return {
    place,
    transaction: (operation, access, work) =>
      inTurn(async () => {
        const client = await connection();
        try {
          return await (pipeline && access !== 'write'
            ? inPipeline(client, beginSql(place, access), access, work)
            : inTransaction(client, beginSql(place, access), work));
        } catch (error) {
          throw asFault(operation, place, error);
        }
      }),
    begin: (operation) =>
      inTurn(async () => {
        const client = await connection();
        try {
          await client.query(beginSql(place, 'write'));
          return openTransaction(place, client);
        } catch (error) {
          await client.query('ROLLBACK').catch(() => undefined);
          throw asFault(operation, place, error);
        }
      }),
    close: () =>
      inTurn(async () => {
        const client = connected;
        connected = null;
        if (client !== null) await Promise.race([client.end(), sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
      }),
  };
}

/** Has one thing done after the other, in the order in which they are asked for. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}

function openTransaction(place: ServerPlace, client: pg.ClientBase): OpenTransaction {
  return {
    async first(operation, work) {
      try {
        return await work(client);
      } catch (error) {
        throw asFault(operation, place, error);
      }
    },
    async part(operation, work) {
      try {
        return await inSavepoint(client, work);
      } catch (error) {
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
  access: 'note' | 'snapshot',
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  const begun = client.query(begin);
  const worked = work(client);
  try {
    await Promise.all([begun, worked]);
    if (access === 'note') await commit(client);
    else client.query('COMMIT').catch(() => undefined);
  } catch (error) {
    await worked.catch(() => undefined);
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  return await worked;
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
  const { first, part } = openTransaction(place, client);
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    place,
    transaction: (operation, _access, work) => part(operation, work),
    begin: () => Promise.resolve({ first, part, commit: nothing, rollback: nothing }),
    close: nothing,
  };
}
