import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { readFileName } from '../../src/feed/file-name.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { stampOfChange } from '../../src/landing/stamp.ts';
import type { Feed } from '../../src/model/feed.ts';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import type { IngestOptions, IngestOutcome } from '../../src/model/ingest.ts';
import type { ListedFile } from '../../src/model/listed-file.ts';
import { type DatabaseOptions, type OpenDatabase, closeDatabase, openDatabase } from '../../src/store/sqlite/open.ts';
import { createStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { type DatasetName, type FileOptions, type Row, feedFileName, feedFileText } from './feed-files.ts';
import { tempFolder } from './temp.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
export const FEED_FOLDER = join(ROOT, 'feeds/visitpay');
export const FEED_FILE = join(FEED_FOLDER, 'feed.yaml');
export const MIGRATIONS = join(ROOT, 'migrations');

/** What brings files of a landing folder to a store. */
export interface StoreDesk {
  /** Writes a file into the landing folder. */
  write(name: string, content: string | Uint8Array): ListedFile;
  /** Ingests a listed file. */
  ingest(file: ListedFile, options?: Partial<IngestOptions>): Promise<IngestOutcome>;
  /** Writes rows as a file of the feed and ingests it. */
  deliver(
    dataset: DatasetName,
    stamp: string,
    rows: readonly (Row | string)[],
    options?: FileOptions,
  ): Promise<IngestOutcome>;
}

/** Brings files to a store, without the loop around it. */
export function createStoreDesk(store: Store, landing: string): StoreDesk {
  const desk: StoreDesk = {
    write(name, content) {
      writeFileSync(join(landing, name), content);
      return listed(store.feed, landing, name);
    },
    ingest(file, changes = {}) {
      return ingestFile(store, file, {
        afresh: false,
        stop: new AbortController().signal,
        onProgress: () => undefined,
        now: () => new Date('2026-08-10T12:00:00Z'),
        ...changes,
      });
    },
    deliver(dataset, stamp, rows, fileOptions = {}) {
      return desk.ingest(
        desk.write(feedFileName(dataset, stamp, fileOptions), feedFileText(dataset, rows, fileOptions)),
      );
    },
  };
  return desk;
}

/** A store and a landing folder of one test, without the loop around them. */
export interface Desk extends StoreDesk {
  readonly folder: string;
  readonly landing: string;
  readonly feed: Feed;
  readonly store: Store;
  /** What stands behind the store's door, for tests that look there. */
  readonly database: OpenDatabase;
  readonly db: OpenDatabase['db'];
  /** The rows of a query, as objects. */
  rows(sql: string): readonly Record<string, unknown>[];
  /** The first column of a query. */
  column(sql: string): readonly unknown[];
}

let empty: { readonly feed: Feed; readonly database: Buffer } | null = null;

/** The feed, and a database that was set up for it: made once, since a copy takes a fifth of the time. */
function setUp(): { readonly feed: Feed; readonly database: Buffer } {
  if (empty !== null) return empty;
  const feed = loadFeed(FEED_FILE);
  const folder = mkdtempSync(join(tmpdir(), 'landfall-test-'));
  const file = join(folder, 'x.sqlite');
  closeDatabase(openDatabase({ file, feed, migrations: MIGRATIONS, program: '0.0.0', cacheMib: 8 }));
  empty = { feed, database: readFileSync(file) };
  rmSync(folder, { recursive: true });
  return empty;
}

/** Opens a store on a new database in a temporary folder; closed and removed when the test is over. */
export function openDesk(options: Partial<DatabaseOptions> = {}): Desk {
  const folder = tempFolder();
  const landing = join(folder, 'landing');
  mkdirSync(landing);
  const feed = options.feed ?? setUp().feed;
  const file = join(folder, 'db/test.sqlite');
  if (options.file === undefined && options.migrations === undefined && feed.folder === FEED_FOLDER) {
    mkdirSync(join(folder, 'db'));
    writeFileSync(file, setUp().database);
  }
  const database = openDatabase({
    file,
    feed,
    migrations: MIGRATIONS,
    program: '0.0.0',
    cacheMib: 8,
    ...options,
  });
  onTestFinished(() => {
    closeDatabase(database);
  });
  const { db } = database;
  const store = createStore(database);

  return {
    ...createStoreDesk(store, landing),
    ...{ folder, landing, feed, store, database, db },
    rows: (sql) => db.prepare<[], Record<string, unknown>>(sql).all(),
    column: (sql) => db.prepare(sql).pluck().all(),
  };
}

/** A file of the feed as the landing folder lists it. */
export function listed(feed: Feed, landing: string, name: string): ListedFile {
  const fileName = readFileName(feed, name);
  if (fileName.kind !== 'taken') throw new Error(`${name} is not a name of the feed`);
  const path = join(landing, name);
  const stat = lstatSync(path, { bigint: true });
  return {
    name,
    path,
    dataset: fileName.dataset,
    stamp: fileName.stamp ?? stampOfChange(stat),
    stat: { bytes: Number(stat.size), mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, inode: stat.ino },
  };
}
