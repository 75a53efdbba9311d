import { ingestFile } from '../ingest/ingest-file.ts';
import type { IngestOptions, IngestOutcome } from '../model/ingest.ts';
import type { ListedFile } from '../model/listed-file.ts';
import type { Suspect } from '../store/attempts.ts';
import type { LogState, Store } from '../store/store.ts';
import type { UnreadName } from '../model/ledger.ts';
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
  /** Does the housekeeping that is due. @param begin asked before what may take long */
  maintain(begin: () => Promise<boolean>): Promise<LogState>;
  ingest(file: ListedFile, options: Omit<IngestOptions, 'now'>): Promise<IngestOutcome>;
}

/** The ledger of an open database. */
export function storeLedger(store: Store, now: () => Date): Ledger {
  return {
    async known() {
      const readers = { feedHash: store.feed.hash, program: store.program };
      const files = new Map<string, SeenFile>();
      for await (const entry of store.latestRevisions()) {
        const file = seenFrom(entry, readers);
        if (file !== null) files.set(file.name, file);
      }
      return files;
    },
    suspects: () => store.suspects(SUSPECT_FROM),
    retries: () => store.pendingRetries(),
    noteUnread: (names) => store.noteUnread(names, now()),
    noteArchived: (fileId, path) => store.noteArchived(fileId, path),
    maintain: (begin) => store.maintain(begin),
    ingest: (file, options) => ingestFile(store, file, { ...options, now }),
  };
}
