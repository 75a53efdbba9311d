import type { Fault } from '../model/work.ts';
import type { Condition } from './condition.ts';
import type { DaemonHealth } from './health.ts';

/**
 * What is wrong with the daemon and its database, as far as it can be told without asking the database.
 * @param unreadable why the database cannot be read; null: it can
 */
export function daemonConditions({ heartbeat, lives, problem }: DaemonHealth, unreadable: string | null): Condition[] {
  const faults = lives ? (heartbeat?.work.faults ?? []) : [];
  const conditions = faultConditions(faults);
  if (unreadable !== null && !faults.some(({ kind }) => kind === 'database'))
    conditions.unshift(faultCondition({ kind: 'database', file: null, problem: unreadable, since: null }));
  if (!lives && problem !== null) conditions.unshift(notRunning(problem.text, problem.since));
  return conditions;
}

/** The faults of a daemon as conditions. */
export function faultConditions(faults: readonly Fault[]): Condition[] {
  return faults.map(faultCondition);
}

/** Faults that keep all files out. */
const CRITICAL: readonly string[] = ['landing', 'database', 'worker'];

function faultCondition({ kind, file, problem, since }: Omit<Fault, 'since'> & { since: string | null }): Condition {
  return {
    id: `fault:${kind}${file === null ? '' : `:${file}`}`,
    kind: 'fault',
    severity: CRITICAL.includes(kind) ? 'critical' : 'warning',
    ...{ dataset: null, file, period: null },
    text: `${kind}: ${file === null ? '' : `${file}: `}${problem}`,
    hint: null,
    since,
  };
}

function notRunning(text: string, since: string | null): Condition {
  const about = { dataset: null, file: null, period: null };
  return { id: 'daemon', kind: 'daemon', severity: 'critical', ...about, text, hint: 'start it again', since };
}
