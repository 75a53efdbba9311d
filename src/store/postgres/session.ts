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
  close(): Promise<void>;
}

/**
 * - `write`: each statement sees what is committed when it begins
 * - `note`: as `write`, for what need not outlive a power cut
 * - `snapshot`: all statements see the same, and nothing is written
 */
export type Access = 'write' | 'note' | 'snapshot';

/** How long the server may take to hear that a connection ends, in ms. */
const CLOSE_WITHIN_MS = 1_000;

/**
 * What a transaction must not take over from a role or a database: limits of time would end large files, and dates and times are read as ISO, in UTC.
 * A client that is gone, or whose host is, gives way after a while to those that wait for its locks.
 */
const SETTINGS = `SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO 0; SET LOCAL datestyle TO 'ISO, YMD'; SET LOCAL timezone TO 'UTC';
  SET LOCAL idle_in_transaction_session_timeout TO '10min'; SET LOCAL jit TO off; SET LOCAL tcp_keepalives_idle TO 30;
  SET LOCAL tcp_keepalives_interval TO 10; SET LOCAL tcp_keepalives_count TO 3`;

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
 */
export function createSession(place: ServerPlace, name: string): Session {
  let connected: pg.Client | null = null;
  const connection = async (): Promise<pg.Client> => {
    if (connected !== null) return connected;
    const client = await connect(place, name);
    const lose = (): void => {
      if (connected === client) connected = null;
    };
    client.on('end', lose).on('error', lose);
    return (connected = client);
  };
  return {
    place,
    async transaction(operation, access, work) {
      const client = await connection();
      try {
        return await inTransaction(client, beginSql(place, access), work);
      } catch (error) {
        throw asFault(operation, place, error);
      }
    },
    async close() {
      const client = connected;
      connected = null;
      if (client !== null) await Promise.race([client.end(), sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
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
    const { command } = await client.query('COMMIT');
    // After a statement that failed, COMMIT rolls back and says so without an error.
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back instead of committed');
    return result;
  } catch (error) {
    // Where the connection is gone, so is the transaction; what ended it says more.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/**
 * A session inside a transaction that is open: each transaction of its own is a savepoint, and none of them lasts.
 * @param client on which the transaction runs, whose owner ends it
 */
export function nestedSession(place: ServerPlace, client: pg.ClientBase): Session {
  return {
    place,
    async transaction(operation, _access, work) {
      try {
        await client.query('SAVEPOINT nested');
        try {
          const result = await work(client);
          await client.query('RELEASE SAVEPOINT nested');
          return result;
        } catch (error) {
          await client.query('ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested').catch(() => undefined);
          throw error;
        }
      } catch (error) {
        throw asFault(operation, place, error);
      }
    },
    close: () => Promise.resolve(),
  };
}
