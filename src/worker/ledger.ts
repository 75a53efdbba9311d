import { ingestFile } from '../ingest/ingest-file.ts';
import type { IngestOptions, IngestOutcome } from '../model/ingest.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { readSuspects, type Suspect } from '../store/sqlite/attempts.ts';
import { forEachLatestRevision, noteArchived, noteUnread, pendingRetries } from '../store/sqlite/ledger.ts';
import type { Store } from '../store/sqlite/open.ts';
import type { UnreadName } from '../model/ledger.ts';
import { emptyWal, isWalLarge, type WalState } from '../store/sqlite/wal.ts';
import { seenFrom, type SeenFile } from './seen-files.ts';
import { SUSPECT_FROM } from './suspects.ts';

/** What the loop asks of the database and tells it. Every call may fail with a DatabaseFault. */
export interface Ledger {
  /** The latest revision of every name. The map is the caller's to keep current. */
  known(): Promise<Map<string, SeenFile>>;
  /** The files in the middle of which the program has ended so many times that it may be for them. */
  suspects(): Promise<readonly Suspect[]>;
  /** Names that someone asked to have read again, and when. */
  retries(): Promise<ReadonlyMap<string, string>>;
  /** @returns those that were not noted before */
  noteUnread(names: readonly UnreadName[]): Promise<readonly UnreadName[]>;
  noteArchived(fileId: number, path: string): Promise<void>;
  /** Called before each move to the archive (the crash campaign kills the process there). */
  beforeArchive(): void;
  /** Whether `emptyWal` has much to do. */
  isWalLarge(): boolean;
  /** Empties the write-ahead log if it is large. Synchronous: after hours behind a reader it may take minutes. */
  emptyWal(): WalState;
  ingest(file: ListedFile, options: Omit<IngestOptions, 'now'>): Promise<IngestOutcome>;
}

/** The ledger of an open database. */
export function storeLedger(store: Store, now: () => Date): Ledger {
  /** What `work` throws is the answer's. */
  const later = async <T>(work: () => T): Promise<T> => {
    await Promise.resolve();
    return work();
  };
  const known = (): Map<string, SeenFile> => {
    const readers = { feedHash: store.feed.hash, program: store.program };
    const files = new Map<string, SeenFile>();
    forEachLatestRevision(store, (entry) => {
      const file = seenFrom(entry, readers);
      if (file !== null) files.set(file.name, file);
    });
    return files;
  };
  return {
    known: () => later(known),
    suspects: () => later(() => readSuspects(store, SUSPECT_FROM)),
    retries: () => later(() => pendingRetries(store)),
    noteUnread: (names) => later(() => noteUnread(store, names, now())),
    noteArchived: (fileId, path) =>
      later(() => {
        noteArchived(store, fileId, path);
      }),
    beforeArchive: () => {
      store.probe('before_archive');
    },
    isWalLarge: () => isWalLarge(store),
    emptyWal: () => emptyWal(store),
    ingest: (file, options) => ingestFile(store, file, { ...options, now }),
  };
}
