import { LandfallError } from '../model/errors.ts';
import type { Condition } from '../status/condition.ts';
import { daemonConditions } from '../status/daemon-conditions.ts';
import { assessOwn, isReady } from '../status/health.ts';
import type { Heartbeat } from '../status/heartbeat.ts';
import { reportDatabase, type StatusReport } from '../status/report.ts';
import type { Found } from './current-findings.ts';
import type { Findings } from '../findings/questions.ts';

/** What the page and the metrics show, as it is at one moment. */
export interface View {
  readonly report: StatusReport;
  /** What the database last said, also where it cannot be read now; null: nothing yet. */
  readonly findings: Findings | null;
  /** When it said so, ISO 8601, UTC. */
  readonly readAt: string | null;
  readonly isReady: boolean;
  readonly now: Date;
}

/** Until the database has said how large it is: looking at it here would wait for its disk. */
const NO_SIZE = { bytes: 0, walBytes: 0 };

/**
 * Puts together what the daemon says of itself and what its database has said.
 * @param exports what there is to tell of exports
 */
export function createView(
  db: string,
  heartbeat: Heartbeat,
  found: Found,
  now: Date,
  exports: readonly Condition[] = [],
): View {
  const daemon = assessOwn(heartbeat);
  const { findings, at, problem } = found;
  // Where there is no database yet the daemon is about to make it.
  const unreadable = heartbeat.work.doing === 'starting' ? null : problem;
  const said =
    problem === null && findings !== null
      ? findings.status
      : new LandfallError('read database', problem ?? 'the database has not been read yet');
  const report = {
    version: heartbeat.version,
    daemon,
    database: reportDatabase(db, said, findings?.size ?? NO_SIZE),
    data: findings?.data ?? null,
    conditions: [...daemonConditions(daemon, unreadable), ...exports, ...(findings?.data.conditions ?? [])],
  };
  return { report, findings, readAt: at, isReady: isReady(daemon), now };
}
