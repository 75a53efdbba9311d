import type { Dataset, Feed } from '../model/feed.ts';
import type { UnreadName } from '../model/ledger.ts';
import type { ListedFile } from '../model/listed-file.ts';

/** A stamp further ahead of the clock than this is held: taken in, it would make every later file late (rule 8), in ms. */
const FUTURE_MS = 48 * 3_600_000;

/** How long a settled file waits for a file of a parent dataset that is still being written, in ms. */
export const PARENT_WAIT_MS = 60_000;

/**
 * Puts files in the order in which they are taken: parents' datasets first, then by stamp, then by name bytewise, so that
 * parents are there before their children and versions arrive in their order.
 */
export function orderFiles(feed: Feed, files: readonly ListedFile[]): ListedFile[] {
  const rank = new Map(feed.datasets.map((dataset, index) => [dataset.name, index]));
  const rankOf = (file: ListedFile): number => rank.get(file.dataset.name) ?? feed.datasets.length;
  return files.toSorted(
    (a, b) => rankOf(a) - rankOf(b) || compareText(a.stamp, b.stamp) || Buffer.from(a.name).compare(Buffer.from(b.name)),
  );
}

/** What of a listing may be taken now, by its stamp. */
export interface Dated {
  readonly due: readonly ListedFile[];
  /** For the ledger: `future_stamp`. */
  readonly held: readonly UnreadName[];
  /** Wall-clock ms at which the first held file is released; null: none is held. */
  readonly releaseAt: number | null;
}

/**
 * Holds files whose stamp is more than 48 h ahead of the clock (rule 8), until that is no longer so.
 * @param wall the clock, in ms
 */
export function holdFuture(files: readonly ListedFile[], wall: number): Dated {
  const due: ListedFile[] = [];
  const held: UnreadName[] = [];
  let releaseAt: number | null = null;
  for (const file of files) {
    const release = Date.parse(file.stamp) - FUTURE_MS;
    if (release <= wall) {
      due.push(file);
      continue;
    }
    releaseAt = Math.min(releaseAt ?? release, release);
    held.push({
      name: file.name,
      state: 'quarantined',
      code: 'future_stamp',
      reason: `its stamp is more than 48 hours ahead of the clock; it is held until ${new Date(release).toISOString()}`,
      dataset: file.dataset.name,
      stamp: file.stamp,
      stat: file.stat,
    });
  }
  return { due, held, releaseAt };
}

/** Which settled files go on and which wait for a parent file that is still being written. */
export interface Attended {
  readonly ready: readonly ListedFile[];
  readonly waiting: readonly ListedFile[];
  /** When the first of them has waited long enough, in ms from now; null: none waits. */
  readonly nextLookMs: number | null;
}

/** Remembers since when each settled file has waited for a parent file. One look takes all: what is not given is forgotten. */
export interface ParentWait {
  look(settled: readonly ListedFile[], unsettled: readonly ListedFile[], monotonic: number): Attended;
}

/**
 * Lets a delivery that lands together load together: a settled file waits up to 60 s while a file of a dataset that it
 * refers to, directly or through others, has not settled.
 */
export function createParentWait(feed: Feed): ParentWait {
  const ancestors = ancestorsOf(feed.datasets);
  let waitingSince = new Map<string, number>();

  function look(settled: readonly ListedFile[], unsettled: readonly ListedFile[], monotonic: number): Attended {
    const coming = new Set(unsettled.map((file) => file.dataset.name));
    const ready: ListedFile[] = [];
    const waiting: ListedFile[] = [];
    const still = new Map<string, number>();
    let nextLookMs: number | null = null;
    for (const file of settled) {
      const parents = ancestors.get(file.dataset.name);
      const since = waitingSince.get(file.name) ?? monotonic;
      const remainingMs = since + PARENT_WAIT_MS - monotonic;
      if (parents === undefined || parents.isDisjointFrom(coming)) {
        ready.push(file);
        continue;
      }
      // Also of one that is ready now: it may not be taken before the next look, and has waited long enough.
      still.set(file.name, since);
      if (remainingMs > 0) {
        waiting.push(file);
        nextLookMs = Math.min(nextLookMs ?? remainingMs, remainingMs);
      } else ready.push(file);
    }
    waitingSince = still;
    return { ready, waiting, nextLookMs };
  }

  return { look };
}

/** Dataset name → names of the datasets it refers to, directly or through others. */
function ancestorsOf(datasets: readonly Dataset[]): Map<string, Set<string>> {
  const byTable = new Map(datasets.map((dataset) => [dataset.table, dataset]));
  const ancestors = new Map<string, Set<string>>();
  // Parents stand before children in a feed, so a parent's ancestors are known when its child comes.
  for (const dataset of datasets) {
    const own = new Set<string>();
    for (const { references } of dataset.columns) {
      const parent = references === null ? undefined : byTable.get(references);
      if (parent === undefined) continue;
      own.add(parent.name);
      for (const name of ancestors.get(parent.name) ?? []) own.add(name);
    }
    ancestors.set(dataset.name, own);
  }
  return ancestors;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
