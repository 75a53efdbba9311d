import { createQueue } from '../queue.ts';
import type { Store } from '../store.ts';
import * as attempts from './attempts.ts';
import { feedChecks } from '../../feed/sql-files.ts';
import { createCheckProcess } from './check-process.ts';
import * as copies from './copies.ts';
import { enterFile, enterQuarantined } from './ledger-entry.ts';
import { filesWarnedOf, setWarnings } from './warnings.ts';
import { checkTables } from './checking.ts';
import { asFault, guardFaults } from './faults.ts';
import { type FeedWriter, createFeedWriter } from './feed-writer.ts';
import { createFileTransaction } from './file-transaction.ts';
import { decide } from './decisions.ts';
import * as ledger from './ledger.ts';
import { type OpenDatabase, closeDatabase, requireInPlace } from './open.ts';
import { keepProtections, protections } from './protections.ts';
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
  const queued =
    <Asked extends unknown[], Answer>(work: (database: OpenDatabase, ...asked: Asked) => Answer) =>
    (...asked: Asked): Promise<Answer> =>
      queue(() => work(database, ...asked));
  const revisionsAfter = queued(ledger.latestRevisions);
  const checking = { process: createCheckProcess(), checks: feedChecks(feed, 'sqlite') };
  let writer: FeedWriter | null = null;

  return {
    ...{ feed, program, rowFormat: 'sqlite' },
    async *latestRevisions() {
      for (let after: string | undefined = ''; after !== undefined;) {
        const page = await revisionsAfter(after, PAGE);
        yield* page;
        after = page.length < PAGE ? undefined : page.at(-1)?.name;
      }
    },
    latestRevision: queued(ledger.latestRevision),
    noteUnread: queued(ledger.noteUnread),
    noteStat: queued(ledger.noteStat),
    noteCopy: queued(copies.noteCopy),
    openCopies: queued(copies.openCopies),
    closeCopies: queued(copies.closeCopies),
    requestRetries: queued(ledger.requestRetries),
    pendingRetries: queued(ledger.pendingRetries),
    decide: queued(decide),
    protections: queued(protections),
    keepProtections: queued(keepProtections),
    // Whoever has the lock of the database is alone.
    claim: () => Promise.resolve({ shared: false, release: () => Promise.resolve() }),
    openAttempt: queued(attempts.openAttempt),
    closeAttempt: queued(attempts.closeAttempt),
    suspects: queued(attempts.readSuspects),
    transact: (entry, rowText, work) =>
      queue(async () => {
        requireInPlace(database);
        // Before the transaction begins: its temporary tables must not go with one that is rolled back.
        const feedWriter = (writer ??= guardFaults('ingest', file, () => createFeedWriter(database)));
        const result = await inTransaction(database, () => {
          const fileId = enterFile(database, entry);
          return work(createFileTransaction(database, feedWriter, checking, fileId, entry, rowText));
        }).finally(() => {
          checking.process.finish();
        });
        database.probe('after_commit');
        return result;
      }),
    checkTables: (dataset, stop) => queue(() => checkTables(checking, file, dataset, stop)),
    setWarnings: queued(setWarnings),
    filesWarnedOf: queued(filesWarnedOf),
    quarantine: queued(enterQuarantined),
    async maintain(begin) {
      if (isWalLarge(database) && (await begin())) return await queue(() => emptyWal(database));
      return { bytes: walBytes(file), pinned: false };
    },
    async close() {
      await checking.process.close();
      await queue(() => {
        closeDatabase(database);
      });
    },
  };
}

/**
 * Runs `work` in one transaction, which takes the write lock at once: what it did is committed as a whole, or rolled back with what it
 * throws. Nothing else may use the connection meanwhile.
 */
async function inTransaction<T>({ db, file, probe }: OpenDatabase, work: () => Promise<T>): Promise<T> {
  try {
    db.exec('BEGIN IMMEDIATE');
    const result = await work();
    probe('before_commit');
    commit(db);
    return result;
  } catch (error) {
    // A full or failing disk has rolled it back already.
    if (db.inTransaction) guardFaults('ingest', file, () => db.exec('ROLLBACK'));
    throw asFault('ingest', file, error);
  }
}

/** After so many pages in its log SQLite moves them into the database, at a commit: its own default. */
const CHECKPOINT_PAGES = 1_000;

/** Commits and no more, so that the rows are seen as soon as they are safe: the log is emptied between files, or by the next write. */
function commit(db: OpenDatabase['db']): void {
  db.pragma('wal_autocheckpoint = 0');
  try {
    db.exec('COMMIT');
  } finally {
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  }
}
