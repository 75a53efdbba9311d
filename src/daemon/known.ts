import type { IngestOutcome, ListedFile } from '../ingest/types.ts';
import type { RawStat } from '../landing/list.ts';
import type { LedgerEntry } from '../store/types.ts';

/** What decides, beside a file itself, whether it is read again. */
export interface Readers {
  readonly feedHash: string;
  /** The version of Landfall. */
  readonly program: string;
  /** Names that someone asked to have read again. */
  readonly retries: ReadonlySet<string>;
}

/**
 * Whether the ledger already says all there is to say about a file as it stands (rules 1, 2 and 9): its latest revision
 * has its size, times and inode, nobody asked for it again, and it was not quarantined under another feed or program.
 */
export function isKnown(entry: LedgerEntry | undefined, stat: RawStat, readers: Readers): boolean {
  if (entry === undefined || entry.revision === 0) return false;
  const { bytes, mtimeNs, ctimeNs, inode } = entry.stat;
  // A copy of a whole folder has new times and inodes: the bytes are then hashed, once.
  if (stat.mtimeNs !== mtimeNs || stat.ctimeNs !== ctimeNs || stat.ino !== inode || stat.size !== BigInt(bytes)) {
    return false;
  }
  if (readers.retries.has(entry.name)) return false;
  if (entry.state !== 'quarantined') return true;
  return entry.feedHash === readers.feedHash && entry.program === readers.program;
}

/**
 * The entry of a name after a file of that name was taken, as the ledger now has it.
 * @param before the entry until now
 * @returns null where the ledger says nothing new
 */
export function entryAfter(
  before: LedgerEntry | undefined,
  file: ListedFile,
  outcome: IngestOutcome,
  readers: Readers,
  now: Date,
): LedgerEntry | null {
  const { name, stat } = file;
  switch (outcome.kind) {
    case 'ingested':
    case 'quarantined':
      return {
        fileId: outcome.fileId,
        name,
        revision: outcome.revision,
        state: outcome.kind,
        reasonCode: outcome.kind === 'quarantined' ? outcome.code : null,
        // Not told, and not needed: the ingest compares contents with the database itself.
        sha256: null,
        stat,
        feedHash: readers.feedHash,
        program: readers.program,
        archivedTo: null,
        finishedAt: now.toISOString(),
      };
    case 'unchanged':
      return before === undefined ? null : { ...before, stat };
    case 'moved':
    case 'given_up':
      return null;
  }
}
