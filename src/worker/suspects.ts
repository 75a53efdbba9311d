import { MAX_DEATHS } from '../ingest/attempts-allowed.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { unreadContent, type Suspect } from '../store/attempts.ts';
import type { UnreadName } from '../model/ledger.ts';
import { retryAt, sooner, waitMs, type BackOff } from './back-off.ts';
import type { FaultBook } from '../status/faults.ts';

/**
 * So many deaths in the middle of a file make it suspect. Fewer change nothing, so that a restart ends as if there had been none (P2):
 * taken in another order, files have other counts.
 */
export const SUSPECT_FROM = 3;

/** A suspect waits by the wall clock, since the program may have died by a restart of the machine; … */
const BACK_OFF: BackOff = { firstMs: 1_000, capMs: 60_000 };
/** … after the last death that is allowed it is held for so long, in ms, and tried once more. */
const HOLD_MS = 3_600_000;

/** Which files are to be taken, with regard to those that are suspect. */
export interface Parted {
  /** Those that have not to wait. */
  readonly due: readonly ListedFile[];
  /** Suspects that wait for some seconds. */
  readonly waiting: readonly ListedFile[];
  /** Suspects that are held: for the ledger. */
  readonly held: readonly UnreadName[];
  /** When the first of them has waited long enough, in ms from now; null: none waits. */
  readonly nextMs: number | null;
}

/**
 * Files in the middle of which the program has ended again and again, nobody knows why: it was killed, memory ran out, the host went
 * down. Such a file may be sound, or may be what ends the program; so it is taken after all others, alone, later each time (P7).
 */
export interface Suspects {
  /**
   * @param files all that are there
   * @param wall the clock, in ms
   */
  part(files: readonly ListedFile[], wall: number): Parted;
  /** Of ordered files those that are to be taken now: the clear ones, and after them one suspect. */
  putLast(files: readonly ListedFile[]): ListedFile[];
  /** It was taken or refused, or someone wants it read again. */
  forget(name: string): void;
}

/** A suspect, and when the program died in the middle of it, in ms by the wall clock. */
interface Waiting {
  readonly name: string;
  readonly deaths: number;
  diedAt: number;
}

/**
 * Each that is there is a fault of its own.
 * @param found the suspects that the ledger knows
 */
export function createSuspects(found: readonly Suspect[], faults: FaultBook): Suspects {
  const byContent = new Map(
    found.map((suspect) => [
      keyOf(suspect.name, suspect.unread),
      { name: suspect.name, deaths: suspect.deaths, diedAt: Date.parse(suspect.diedAt) },
    ]),
  );

  /** Other content under the name is no suspect. */
  const suspectOf = ({ name, stat }: ListedFile): Waiting | undefined =>
    byContent.size === 0 ? undefined : byContent.get(keyOf(name, unreadContent(stat)));
  let told = new Set<string>();

  const tell = (present: ReadonlyMap<string, Waiting>): void => {
    for (const [file, { deaths }] of present) {
      const problem = `the program was ended ${deaths} times in the middle of it; it is taken after all others`;
      faults.begin({ kind: 'file', file, problem });
    }
    for (const file of told) if (!present.has(file)) faults.end('file', file);
    told = new Set(present.keys());
  };

  return {
    part(files, wall) {
      const due: ListedFile[] = [];
      const waiting: ListedFile[] = [];
      const held: UnreadName[] = [];
      const present = new Map<string, Waiting>();
      let nextMs: number | null = null;
      for (const file of files) {
        const suspect = suspectOf(file);
        if (suspect !== undefined) {
          present.set(file.name, suspect);
          // The clock was set back, by years perhaps: it waits from now on.
          suspect.diedAt = Math.min(suspect.diedAt, wall);
        }
        const remaining = suspect === undefined ? 0 : remainingMs(suspect, wall);
        if (remaining > 0) nextMs = sooner(nextMs, remaining);
        if (suspect === undefined || remaining === 0) due.push(file);
        else if (suspect.deaths < MAX_DEATHS) waiting.push(file);
        else held.push(asHeld(file, suspect, wall + remaining));
      }
      tell(present);
      return { due, waiting, held, nextMs };
    },
    putLast(files) {
      const last = files.find((file) => suspectOf(file) !== undefined);
      const clear = files.filter((file) => suspectOf(file) === undefined);
      return last === undefined ? clear : [...clear, last];
    },
    forget(name) {
      for (const [key, suspect] of byContent) if (suspect.name === name) byContent.delete(key);
    },
  };
}

function keyOf(name: string, unread: string): string {
  return `${unread} ${name}`;
}

function remainingMs({ deaths, diedAt }: Waiting, wall: number): number {
  // It had its last chance; the ingest refuses it without reading it.
  if (deaths > MAX_DEATHS) return 0;
  if (deaths === MAX_DEATHS) return Math.max(0, diedAt + HOLD_MS - wall);
  return waitMs(retryAt(deaths - SUSPECT_FROM + 1, BACK_OFF, diedAt), wall);
}

function asHeld(file: ListedFile, { deaths }: Waiting, releaseAt: number): UnreadName {
  return {
    name: file.name,
    state: 'quarantined',
    code: 'internal_error',
    reason: `the program was ended ${deaths} times in the middle of it; it is tried once more after ${new Date(releaseAt).toISOString()}`,
    dataset: file.dataset.name,
    stamp: file.stamp,
    stat: file.stat,
  };
}
