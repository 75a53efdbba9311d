import type { IngestOutcome } from '../model/ingest.ts';
import { isStill, type RawStat } from '../landing/file-stat.ts';
import type { ListedFile } from '../model/listed-file.ts';
import type { FileStat, LedgerEntry } from '../model/ledger.ts';
import type { Store } from '../store/store.ts';

/** What the loop keeps in memory of a name's latest revision. There may be 100,000 of them: no more than is needed. */
export interface SeenFile {
  readonly name: string;
  readonly state: 'ingested' | 'quarantined';
  readonly stat: FileStat;
  /** It was quarantined under another feed definition or by another version of the program: it is tried again (rule 9). */
  readonly outdated: boolean;
}

/** Reads from the ledger what was seen before, by name. The map is the caller's to keep current. */
export async function readSeenFiles(store: Store): Promise<Map<string, SeenFile>> {
  const files = new Map<string, SeenFile>();
  for await (const entry of store.latestRevisions()) {
    const file = seenFrom(entry, store);
    if (file !== null) files.set(file.name, file);
  }
  return files;
}

/** What to keep of a ledger entry; null for a name that was never read. A quarantined file is outdated when what reads it has changed. */
function seenFrom(entry: LedgerEntry, { feed, program }: Pick<Store, 'feed' | 'program'>): SeenFile | null {
  if (entry.revision === 0) return null;
  const quarantined = entry.state === 'quarantined';
  const outdated = quarantined && (entry.feedHash !== feed.hash || entry.program !== program);
  const state = quarantined ? 'quarantined' : 'ingested';
  return { name: entry.name, state, stat: entry.stat, outdated };
}

/** Whether the ledger says all there is to say about a file as it stands (rules 1, 2 and 9). */
export function isSeen(seen: SeenFile | undefined, stat: RawStat): boolean {
  if (seen === undefined || seen.outdated) return false;
  // A copy of a whole folder has new times and inodes: its bytes are then hashed, once.
  return isStill(stat, seen.stat);
}

/**
 * What is known of a name after a file of that name was taken.
 * @returns null where nothing new is known
 */
export function seenAfter(file: ListedFile, outcome: IngestOutcome): SeenFile | null {
  const { name, stat } = file;
  switch (outcome.kind) {
    case 'ingested':
    case 'quarantined':
      return { name, state: outcome.kind, stat, outdated: false };
    case 'unchanged':
      // Also where the loop did not know of it, or it would be read again with every scan.
      return { name, state: 'ingested', stat, outdated: false };
    case 'taken':
      return { name, state: outcome.state, stat, outdated: false };
    case 'changed':
    case 'claimed':
    case 'given_up':
      return null;
  }
}
