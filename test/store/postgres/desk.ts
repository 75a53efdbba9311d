import Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll } from 'vitest';
import type { Value } from '../../../src/columns/column-type.ts';
import { createRowMapper } from '../../../src/columns/row-mapper.ts';
import { loadFeed } from '../../../src/feed/load.ts';
import type { Dataset, Feed } from '../../../src/model/feed.ts';
import { createSurveyor } from '../../../src/reader/sniff.ts';
import { openTable } from '../../../src/reader/table.ts';
import { LEDGER_TABLES } from '../../../src/model/ledger-tables.ts';
import type {
  FileEntry,
  FileTransaction,
  Healed,
  LoadedRows,
  RejectedRow,
  RowBatch,
  RowEncoder,
  RowPlace,
} from '../../../src/store/store.ts';
import { asReject } from '../../../src/store/refused-row.ts';
import { createRowEncoder } from '../../../src/store/postgres/row-encoder.ts';
import { quarantine, transact } from '../../../src/store/postgres/transact.ts';
import type { RowCounts } from '../../../src/model/ledger.ts';
import { type DatasetName, type FileOptions, type Row, feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { FEED_FILE, MIGRATIONS } from '../../helpers/ingest.ts';
import { freshDatabase } from '../../helpers/postgres.ts';

/** What became of a file that a desk was given. */
export type Delivered =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'quarantined'; readonly revision: number }
  | {
      readonly kind: 'ingested';
      readonly revision: number;
      readonly late: boolean;
      /** The counts that are not nought. */
      readonly counts: Readonly<Record<string, number>>;
      readonly healed: number;
      readonly refusedWaiting: number;
    };

/** A content that turns up under a name. */
export interface Content {
  readonly dataset: Dataset;
  readonly name: string;
  readonly stamp: string;
  readonly text: string;
  /** Read it again even where the bytes are the same. */
  readonly afresh?: boolean;
}

/** The tables of the feed in a schema of a PostgreSQL database, and a connection through which files go into them. */
export interface PostgresDesk {
  readonly client: pg.Client;
  readonly feed: Feed;
  /** Writes rows as a file of the feed and ingests it. */
  deliver(
    dataset: DatasetName,
    stamp: string,
    rows: readonly (Row | string)[],
    options?: FileOptions,
  ): Promise<Delivered>;
  ingest(content: Content): Promise<Delivered>;
  /** The rows of a query, as objects. */
  rows(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** The first column of a query. */
  column(sql: string): Promise<readonly unknown[]>;
}

export interface DeskOptions {
  /** Rewrites the migrations, e.g. to add a constraint. */
  readonly change?: (sql: string) => string;
  /** Rows of a batch (default 1000). */
  readonly batchRows?: number;
}

/**
 * For a `describe`: makes a database for its tests, and a connection to it.
 * @param locale see `freshDatabase`
 * @returns opens a desk for a test: the feed's tables in a schema of their own
 */
export function desksOfSuite(locale?: string): (options?: DeskOptions) => Promise<PostgresDesk> {
  let client: pg.Client;
  let schemas = 0;
  beforeAll(async () => {
    const database = await freshDatabase(locale);
    client = new pg.Client(database.place);
    await client.connect();
    return async () => {
      await client.end();
      await database[Symbol.asyncDispose]();
    };
  });
  return (options = {}) => openDesk(client, `desk_${++schemas}`, options);
}

async function openDesk(client: pg.Client, schema: string, options: DeskOptions): Promise<PostgresDesk> {
  const feed = loadFeed(FEED_FILE);
  await client.query(`CREATE SCHEMA ${schema}; SET search_path TO ${schema}`);
  const folder = join(MIGRATIONS, 'postgres');
  for (const name of readdirSync(folder).sort()) {
    const sql = readFileSync(join(folder, name), 'utf8');
    await client.query(options.change?.(sql) ?? sql);
  }
  await client.query('INSERT INTO feeds (feed) VALUES ($1)', [feed.name]);
  const rows = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows;
  const ingest = (content: Content) => ingestContent(client, feed, content, options.batchRows ?? 1000);
  return {
    client,
    feed,
    ingest,
    deliver(name, stamp, fileRows, fileOptions = {}) {
      const dataset = feed.datasets.find((each) => each.name === name);
      if (dataset === undefined) throw new Error(`the feed has no dataset ${name}`);
      return ingest({
        dataset,
        name: feedFileName(name, stamp, fileOptions),
        stamp: stamp.replace(/(....)(..)(..)_(..)(..)(..)/, '$1-$2-$3T$4:$5:$6Z'),
        text: feedFileText(name, fileRows, fileOptions),
      });
    },
    rows,
    column: async (sql) => (await rows(sql)).map((row) => Object.values(row)[0]),
  };
}

/** A second connection to the schema of a desk. */
export interface Beside extends AsyncDisposable {
  readonly client: pg.Client;
  /** Ends as soon as the connection waits for a lock, or for a second if it does not. */
  waitsForLock(): Promise<void>;
}

/** Connects once more to the tables of a desk. */
export async function connectBeside({ client }: PostgresDesk): Promise<Beside> {
  const { host, user, database } = client;
  const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
  const options = `-c search_path=${rows[0]?.search_path ?? ''}`;
  const beside = new pg.Client({ host, database, ...(user === undefined ? {} : { user }), options });
  const watcher = new pg.Client({ host, database, ...(user === undefined ? {} : { user }) });
  await Promise.all([beside.connect(), watcher.connect()]);
  const pid = (await beside.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  return {
    client: beside,
    async waitsForLock() {
      const until = performance.now() + 1_000;
      while (performance.now() < until) {
        const { rowCount } = await watcher.query(
          `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'`,
          [pid],
        );
        if (rowCount === 1) return;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([beside.end(), watcher.end()]);
    },
  };
}

const STARTED = new Date('2026-08-10T12:00:00Z');

class TooManyBadRows extends Error {}

/** What the ingest does with a file: the rules that are the store's business are left to the store. */
async function ingestContent(client: pg.Client, feed: Feed, content: Content, batchRows: number): Promise<Delivered> {
  const { dataset, name, stamp } = content;
  const bytes = Buffer.from(content.text);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { rows: latest } = await client.query<{ revision: number; state: string; sha256: string }>(
    'SELECT revision, state, sha256 FROM files WHERE name = $1 ORDER BY revision DESC LIMIT 1',
    [name],
  );
  const [last] = latest;
  const same = last?.sha256 === sha256;
  if (same && last.state === 'ingested' && content.afresh !== true) return { kind: 'unchanged' };
  const revision = same && last.state === 'quarantined' ? last.revision : (last?.revision ?? 0) + 1;
  const stat = { bytes: bytes.length, mtimeNs: 1n, ctimeNs: 2n, inode: 2n ** 64n - 1n };
  const entry: FileEntry = { dataset, name, revision, stamp, sha256, stat, attempts: 1, startedAt: STARTED };
  const author = { feed, program: '0.0.0' };
  const rawOf = (offset: number, length: number) =>
    content.text.length === bytes.length
      ? content.text.slice(offset, offset + length).replace(/\n$/, '')
      : bytes.toString('utf8', offset, offset + length).replace(/\n$/, '');

  const rejected: RejectedRow[] = [];
  try {
    return await transact(client, author, entry, rawOf, async (transaction): Promise<Delivered> => {
      const { counts, rejectCounts, healed, totals } = await load(
        transaction,
        feed,
        dataset,
        bytes,
        batchRows,
        rejected,
        rawOf,
      );
      if (counts.rejected > counts.read * feed.maxBadRows) throw new TooManyBadRows();
      const format = { dialect: '{}', extra: '[]' };
      const { late } = await transaction.complete(
        { counts, ...totals, ...format, rejectCounts, warnings: {}, lastRowEnded: true },
        STARTED,
      );
      const told = Object.fromEntries(Object.entries(counts).filter(([, rows]) => rows > 0));
      return { kind: 'ingested', revision, late, counts: told, healed: healed.healed, refusedWaiting: healed.refused };
    });
  } catch (error) {
    if (!(error instanceof TooManyBadRows)) throw error;
    const rejectCounts = tally(rejected);
    await quarantine(client, author, entry, {
      code: 'bad_rows',
      reason: 'too many',
      rejectCounts,
      rejects: rejected.slice(0, 100),
    });
    return { kind: 'quarantined', revision };
  }
}

async function load(
  transaction: FileTransaction,
  feed: Feed,
  dataset: Dataset,
  bytes: Uint8Array,
  batchRows: number,
  rejected: RejectedRow[],
  rawOf: (offset: number, length: number) => string,
) {
  const surveyor = createSurveyor(feed.format);
  surveyor.update(bytes);
  const table = openTable([bytes], { dataset, format: feed.format, survey: surveyor.finish() });
  const mapper = createRowMapper(dataset.columns, feed.format, table.header.fieldOf);
  const values = Array<Value>(dataset.columns.length).fill(null);
  const sums = { read: 0, inserted: 0, updated: 0, unchanged: 0, stale: 0, rejected: 0, waiting: 0 };
  let batch = createBatch();
  let faultBytes = 0;
  const take = (loaded: LoadedRows) => {
    for (const count of ['inserted', 'updated', 'unchanged', 'stale'] as const) sums[count] += loaded[count];
    sums.waiting += loaded.waitingLines.length;
    rejected.push(...loaded.refused.map(asReject(rawOf)));
  };
  const refuse = async (row: Omit<RejectedRow, 'raw'>, length: number) => {
    const kept = { ...row, raw: rawOf(row.byteOffset, length) };
    rejected.push(kept);
    await transaction.reject([kept]);
  };
  for (const events of table.batches()) {
    for (const event of events) {
      const { line, byteOffset, byteLength } = event;
      sums.read++;
      if (event.kind === 'refused') {
        await refuse({ line, byteOffset, key: null, code: event.code, column: null, reason: event.reason }, byteLength);
        continue;
      }
      const fault = mapper.map(event.fields, values);
      if (fault === null) batch.add(event, values);
      else {
        faultBytes += byteLength;
        await refuse({ line, byteOffset, key: mapper.keyOf(event.fields), ...fault }, byteLength);
      }
      if (batch.count() === batchRows) {
        take(await transaction.load(batch.take()));
        batch = createBatch();
      }
    }
  }
  take(await transaction.load(batch.take()));
  take(await transaction.endRows(() => Promise.resolve()));
  const counts: RowCounts = { ...sums, rejected: rejected.length };
  const healed: Healed = await transaction.heal(() => Promise.resolve());
  const read = table.totals();
  const totals = { ...read, rowBytes: read.rowBytes - faultBytes, refusedBytes: read.refusedBytes + faultBytes };
  const rejectCounts = { ...tally(rejected), ...(counts.waiting > 0 ? { missing_parent: counts.waiting } : {}) };
  return { counts, rejectCounts, healed, totals };
}

function tally(rows: readonly RejectedRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of rows) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** Rows laid out as the store takes them: those that name a key for the first time, for the second time, and so on. */
function createBatch() {
  const sets: RowEncoder[] = [];
  const times = new Map<Value, number>();
  let count = 0;
  return {
    count: () => count,
    add(place: RowPlace, values: readonly Value[]) {
      const key = values[0] ?? null;
      const turn = times.get(key) ?? 0;
      times.set(key, turn + 1);
      (sets[turn] ??= createRowEncoder()).add(place, values);
      count++;
    },
    take: (): RowBatch => ({
      sets: sets.map((set) => set.take((size) => new ArrayBuffer(size))),
      ends: false,
      read: count,
      bytesRead: 0,
    }),
  };
}

/**
 * Writes the tables of a desk into a new SQLite database with the tables that the SQLite store has, so that whatever looks at those can
 * look at these: the two have the same names and print the same values.
 */
export async function exportToSqlite({ client, feed }: PostgresDesk, file: string): Promise<void> {
  const database = new Database(file);
  try {
    for (const name of readdirSync(MIGRATIONS).filter((each) => each.endsWith('.sql')))
      database.exec(readFileSync(join(MIGRATIONS, name), 'utf8'));
    database.pragma('foreign_keys = OFF');
    for (const table of [...LEDGER_TABLES, ...feed.datasets.map((dataset) => dataset.table)]) {
      const names = database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table);
      const columns = names.map((name) => (name === 'raw' ? name : `${name}::text`));
      const insert = database.prepare(`INSERT INTO ${table} VALUES (${names.map(() => '?').join(', ')})`);
      const { rows } = await client.query<unknown[]>({
        text: `SELECT ${columns.join(', ')} FROM ${table}`,
        rowMode: 'array',
      });
      database.transaction(() => {
        for (const row of rows)
          insert.run(row.map((value) => (Buffer.isBuffer(value) ? value.toString('utf8') : value)));
      })();
    }
  } finally {
    database.close();
  }
}
