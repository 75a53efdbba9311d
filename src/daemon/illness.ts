import { isAlive, type Alive, type Fault } from './alive.ts';

/** Why a daemon is not well; no row value (P8). */
export interface Illness {
  readonly problem: string;
  /** ISO 8601, UTC; null: it was never well. */
  readonly since: string | null;
}

/**
 * Why the daemon of a database is not well: it does not live, or a fault keeps all files out.
 * @param alive what it last wrote of itself
 * @returns null where it is well
 */
export function illnessOf(alive: Alive | null, now: Date): Illness | null {
  if (alive === null) return { problem: 'no daemon has run on this database', since: null };
  if (alive.work.doing === 'stopped') return { problem: 'the daemon is stopped', since: alive.beat };
  if (!isAlive(alive, now)) return { problem: 'the daemon has given no sign of life', since: alive.beat };
  const fault = alive.work.faults.find(keepsFilesOut);
  return fault === undefined ? null : illnessOfFault(fault);
}

/** A fault as an illness, whatever it keeps out. */
export function illnessOfFault(fault: Fault): Illness {
  const where = fault.file === null ? '' : ` ${fault.file}:`;
  return { problem: `${fault.kind}:${where} ${fault.problem}`, since: fault.since };
}

/** One file's fault, or one of the archive, keeps no other file out: only these do. */
function keepsFilesOut(fault: Fault): boolean {
  return fault.kind === 'landing' || fault.kind === 'database' || fault.kind === 'loader';
}
