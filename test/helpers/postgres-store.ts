/** Stores on the PostgreSQL server of a run, each on tables in a schema of its own. */
import pg from 'pg';
import { beforeAll, onTestFinished } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import { openStore } from '../../src/store/open.ts';
import type { OpenOptions, StorePlace } from '../../src/store/ownership.ts';
import type { Store } from '../../src/store/store.ts';
import { FEED_FILE, MIGRATIONS } from './ingest.ts';
import { type DatabasePlace, type TestDatabase, freshDatabase } from './postgres.ts';

/** A store that is open, and what lies behind it. */
export interface ServerDesk {
  readonly place: StorePlace;
  readonly store: Store;
  /** Beside the store, set to its schema. Numbers come as numbers, dates and bytes that are text as text. */
  readonly client: pg.Client;
}

/** The URL of a database, and of a schema in it. */
export function urlOf({ host, user, database }: DatabasePlace, schema = 'public'): string {
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&schema=${schema}`;
}

/**
 * For a `describe`: a database for its tests.
 * @returns opens a store on empty tables for a test; closed when that is over
 */
export function serverSuite(): (options?: Partial<OpenOptions>) => Promise<ServerDesk> {
  let database: TestDatabase;
  let client: pg.Client;
  let schemas = 0;
  beforeAll(async () => {
    // The database is not bytewise by itself: what has to be is so by its tables.
    database = await freshDatabase('en-US');
    client = new pg.Client({ ...database.place, types: { getTypeParser: parserOf } });
    await client.connect();
    return async () => {
      await client.end();
      await database[Symbol.asyncDispose]();
    };
  });
  return async (options = {}) => {
    const schema = `desk_${++schemas}`;
    const feed = options.feed ?? loadFeed(FEED_FILE);
    const place = { db: urlOf(database.place, schema), feed, migrations: MIGRATIONS, program: '0.0.0', ...options };
    const store = await openServer(place, options);
    onTestFinished(() => store.close());
    await client.query(`SET search_path TO ${schema}`);
    return { place, store, client };
  };
}

let hosts = 0;

/** Opens the store at a place, as a daemon does. */
export async function openServer(place: StorePlace, options: Partial<OpenOptions> = {}): Promise<Store> {
  const opened = await openStore({
    cacheMib: 8,
    // Each on a host of its own.
    holder: { pid: process.pid, host: `host-${++hosts}`, command: 'run', since: '2026-08-10T12:00:00.000Z' },
    before: { crashed: false, cutShortAt: null },
    now: () => new Date('2026-08-10T12:00:00Z'),
    waitForWriter: false,
    stop: new AbortController().signal,
    patiently: async (step) => await step(),
    ...options,
    ...place,
  });
  if (opened.kind !== 'opened') throw new Error(`it is ${opened.kind}`);
  return opened.store;
}

/** Ends as soon as a connection to this database waits for a lock, or after a second if none does. */
export async function waitsForLock(client: pg.Client): Promise<void> {
  const until = performance.now() + 1_000;
  while (performance.now() < until) {
    const { rowCount } = await client.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if ((rowCount ?? 0) > 0) return;
  }
}

const { INT8, BYTEA, DATE } = pg.types.builtins;

/** How values of a type are read: as SQLite gives them. */
const parserOf: typeof pg.types.getTypeParser = (oid, format): ((value: string) => unknown) => {
  const parse = pg.types.getTypeParser(oid, format) as (value: string) => unknown;
  if (oid === INT8) return Number;
  if (oid === DATE) return String;
  if (oid !== BYTEA) return parse;
  return (value) => {
    const bytes = parse(value) as Buffer;
    const text = bytes.toString('utf8');
    return bytes.equals(Buffer.from(text)) ? text : bytes;
  };
};
