import { percentRead, type Work } from './alive.ts';

/**
 * How long a loader may say nothing before it counts as hung, in ms. While it works it speaks between batches, and one
 * SQLite statement (an index rebuilt over a large table, a migration) may take minutes; idle, it answers each ping.
 */
export interface Patience {
  readonly idleMs: number;
  readonly workingMs: number;
  readonly startingMs: number;
}

export const PATIENCE: Patience = { idleMs: 30_000, workingMs: 600_000, startingMs: 3_600_000 };

/** By what it does: which patience there is with a loader; null: it is on its way out. */
const PATIENCE_WITH: Readonly<Record<Work['doing'], keyof Patience | null>> = {
  starting: 'startingMs',
  idle: 'idleMs',
  waiting: 'idleMs',
  listing: 'workingMs',
  ingesting: 'workingMs',
  archiving: 'workingMs',
  emptying: 'workingMs',
  stopping: null,
  stopped: null,
};

/** Whether a loader that does this shows only by its work that it goes on: while it works it answers no ping. */
export function isWorking(doing: Work['doing']): boolean {
  return PATIENCE_WITH[doing] === 'workingMs';
}

/** Whether a loader that does this has no work at the moment. */
export function isAtRest(doing: Work['doing']): boolean {
  return PATIENCE_WITH[doing] === 'idleMs';
}

/**
 * Whether a loader that was last heard `silentMs` ago still counts as well.
 * @param doing what it last said it was doing
 */
export function isWell(doing: Work['doing'], silentMs: number, patience: Patience): boolean {
  const limit = PATIENCE_WITH[doing];
  return limit === null || silentMs <= patience[limit];
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
