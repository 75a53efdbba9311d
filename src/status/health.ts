import { percentRead, type Work } from '../model/work.ts';

/**
 * How long a loader may show no sign of going on before it counts as hung, in ms. Inside a file it says something between batches, and
 * reads or writes in every statement; where the system does not tell of that (not on Linux), it has as long as in `working`. A listing,
 * a move to the archive or a start (which may migrate) show less of what they do.
 */
export interface Patience {
  readonly idleMs: number;
  readonly fileMs: number;
  readonly workingMs: number;
  readonly startingMs: number;
  /** One step of the work ends within this, however much it reads and writes. */
  readonly endlessMs: number;
}

export const PATIENCE: Patience = {
  idleMs: 30_000,
  // It is looked at every 5 s: noticed within a minute.
  fileMs: 50_000,
  workingMs: 600_000,
  startingMs: 3_600_000,
  endlessMs: 3_600_000,
};

/** By what it does: which patience there is with a loader; null: it is on its way out. */
const PATIENCE_WITH: Readonly<Record<Work['doing'], 'idleMs' | 'fileMs' | 'workingMs' | 'startingMs' | null>> = {
  starting: 'startingMs',
  idle: 'idleMs',
  waiting: 'idleMs',
  listing: 'workingMs',
  ingesting: 'fileMs',
  archiving: 'workingMs',
  emptying: 'workingMs',
  stopping: null,
  stopped: null,
};

/** Whether a loader that does this shows only by its work that it goes on: while it works it answers no ping. */
export function isWorking(doing: Work['doing']): boolean {
  return PATIENCE_WITH[doing] === 'workingMs' || PATIENCE_WITH[doing] === 'fileMs';
}

/** Whether a loader that does this has no work at the moment. */
export function isAtRest(doing: Work['doing']): boolean {
  return PATIENCE_WITH[doing] === 'idleMs';
}

/**
 * How long a loader that does this may show no sign of going on.
 * @param doing what it last said it was doing
 * @param isBlind the system tells nothing of what it reads and writes
 * @returns ms; null: it is on its way out
 */
export function patienceWith(doing: Work['doing'], patience: Patience, isBlind: boolean): number | null {
  const limit = PATIENCE_WITH[doing];
  if (limit === null) return null;
  return patience[limit === 'fileMs' && isBlind ? 'workingMs' : limit];
}

/** One line for the service manager's status and for people. No row values. */
export function describeWork(work: Work): string {
  const parts = [describeDoing(work)];
  if (work.settling > 0) parts.push(`${work.settling} settling`);
  if (work.awaitingParent > 0) parts.push(`${work.awaitingParent} waiting for a parent's file`);
  parts.push(`${work.taken.files} files and ${work.taken.rows} rows taken since the start`);
  for (const fault of work.faults.slice(0, 3)) parts.push(`fault since ${fault.since}: ${fault.problem}`);
  return parts.join('; ');
}

function describeDoing(work: Work): string {
  if (work.doing !== 'ingesting') return work.doing;
  if (work.file === null) return `ingesting, ${work.due} due`;
  return `ingesting ${work.file.name} (${percentRead(work.file)} %), ${work.due} due`;
}
