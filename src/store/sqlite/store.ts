import { asFault, guardFaults } from '../database-fault.ts';
import type { Store } from '../store.ts';
import { closeAttempt, openAttempt, readSuspects } from './attempts.ts';
import { enterFile, enterQuarantined } from './commit.ts';
import { type FeedWriter, createFeedWriter } from './feed-writer.ts';
import { createFileTransaction } from './file-transaction.ts';
import * as ledger from './ledger.ts';
import { type OpenDatabase, closeDatabase, requireInPlace } from './open.ts';
import { inTransaction } from './transaction.ts';
import { emptyWal, isWalLarge, walBytes } from './wal.ts';

/** Entries of the ledger that are read at a time. */
const PAGE = 1_000;

/**
 * The store on an open database of SQLite. SQLite has one transaction for each connection: whatever is asked while one runs waits
 * for its end.
 */
export function createStore(database: OpenDatabase): Store {
  const { feed, program, file } = database;
  const queue = createQueue();
  let writer: FeedWriter | null = null;

  return {
    feed,
    program,
    rowFormat: 'sqlite',
    async *latestRevisions() {
      for (let after = ''; ;) {
        const from = after;
        const page = await queue(() => ledger.latestRevisions(database, from, PAGE));
        yield* page;
        if (page.length < PAGE) return;
        after = page.at(-1)?.name ?? '';
      }
    },
    latestRevision: (name) => queue(() => ledger.latestRevision(database, name)),
    noteUnread: (names, now) => queue(() => ledger.noteUnread(database, names, now)),
    noteStat: (entry, stat) =>
      queue(() => {
        ledger.noteStat(database, entry, stat);
      }),
    noteArchived: (fileId, path) =>
      queue(() => {
        ledger.noteArchived(database, fileId, path);
      }),
    requestRetries: (names, now) =>
      queue(() => {
        ledger.requestRetries(database, names, now);
      }),
    pendingRetries: () => queue(() => ledger.pendingRetries(database)),
    openAttempt: (content, now) =>
      queue(() => {
        requireInPlace(database);
        return openAttempt(database, content, now);
      }),
    closeAttempt: (content, failed) =>
      queue(() => {
        closeAttempt(database, content, failed);
      }),
    suspects: (atLeast) => queue(() => readSuspects(database, atLeast)),
    transact: (entry, rowText, work) =>
      queue(async () => {
        requireInPlace(database);
        // Before the transaction begins: its temporary tables must not go with one that is rolled back.
        const feedWriter = (writer ??= guardFaults('ingest', file, () => createFeedWriter(database)));
        const result = await transact(database, () => {
          const fileId = enterFile(database, entry);
          return work(createFileTransaction(database, feedWriter, fileId, entry, rowText));
        });
        database.probe('after_commit');
        return result;
      }),
    quarantine: (entry, refusal) =>
      queue(() => guardFaults('quarantine', file, () => enterQuarantined(database, entry, refusal))),
    async maintain(begin) {
      if (isWalLarge(database) && (await begin())) return await queue(() => emptyWal(database));
      return { bytes: walBytes(file), pinned: false };
    },
    close: () =>
      queue(() => {
        closeDatabase(database);
      }),
  };
}

async function transact<T>(database: OpenDatabase, work: () => Promise<T>): Promise<T> {
  try {
    return await inTransaction(database.db, async () => {
      const result = await work();
      database.probe('before_commit');
      return result;
    });
  } catch (error) {
    throw asFault('ingest', database.file, error);
  }
}

/** Makes a queue: what is asked of it is done one after the other, in that order. */
function createQueue(): <T>(work: () => T | Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}
