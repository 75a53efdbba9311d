import { lookAtLock } from '../store/open.ts';
import type { LockState } from '../store/ownership.ts';
import type { Fault } from '../model/work.ts';
import { isUrl } from '../settings/database-url.ts';
import { bootTime, type BootTime } from '../system/boot-clock.ts';
import { isGone, PROCESS_TABLE } from '../system/process-table.ts';
import {
  heartbeatPlace,
  isAlive,
  isFresh,
  readHeartbeat,
  readMuteBeat,
  type Heartbeat,
  type HeartbeatPlace,
} from './heartbeat.ts';

/** Why a daemon is not well; no row value (P8). */
export interface HealthProblem {
  readonly text: string;
  /** ISO 8601, UTC; null: it was never well. */
  readonly since: string | null;
  /** How the daemon ended, where that is known: `since` is then when it stopped, or when it last said that it lives. */
  readonly ended?: 'stopped' | 'died';
}

/** What can be told of the daemon of a database from outside. */
export interface DaemonHealth {
  /** What it last said of itself; null: nothing that can be read. */
  readonly heartbeat: Heartbeat | null;
  readonly lives: boolean;
  /** It does not live, or a fault keeps all files out; null: it is well. */
  readonly problem: HealthProblem | null;
}

/** What is seen of a daemon beside its database. */
export interface Signs {
  readonly heartbeat: Heartbeat | null;
  /** The last beat of one that had no room to say more. */
  readonly muteBeat: Date | null;
  readonly lock: LockState;
  /** The system says that there is no such process; false: it is there, or one cannot know from here. */
  readonly processIsGone: boolean;
  /** The database is one of PostgreSQL: no lock, and nothing beside it. */
  readonly isOnServer: boolean;
}

/** When they are seen. */
export interface Moment {
  readonly now: Date;
  readonly sinceBoot: BootTime | null;
}

/** Looks for the daemon of a database, without looking into that. */
export function checkDaemon(settings: HeartbeatPlace, now: Date): DaemonHealth {
  const place = heartbeatPlace(settings);
  const heartbeat = readHeartbeat(place);
  const processIsGone =
    heartbeat !== null && PROCESS_TABLE !== null && heartbeat.processTable === PROCESS_TABLE && isGone(heartbeat.pid);
  return assessDaemon(
    {
      ...{ heartbeat, muteBeat: readMuteBeat(place), lock: lookAtLock(settings.db), processIsGone },
      isOnServer: isUrl(settings.db),
    },
    { now, sinceBoot: bootTime() },
  );
}

/**
 * What the signs of a daemon come to: the lock, or the system where the lock cannot be looked at (a database on a server, or on
 * read-only media), tells at once that it has died, its beats only after a while.
 */
export function assessDaemon(
  { heartbeat, muteBeat, lock, processIsGone, isOnServer }: Signs,
  { now, sinceBoot }: Moment,
): DaemonHealth {
  if (muteBeat !== null && isFresh(muteBeat, now)) {
    const text = 'database: no room left on its disk, not even for the daemon to say how it is';
    return { heartbeat, lives: true, problem: { text, since: null } };
  }
  if (heartbeat === null) return { heartbeat, lives: false, problem: { text: unseen(lock, isOnServer), since: null } };
  const { doing, faults } = heartbeat.work;
  const dead = (text: string, ended: Pick<HealthProblem, 'ended'> = {}): DaemonHealth => ({
    heartbeat,
    lives: false,
    problem: { text, since: heartbeat.beat, ...ended },
  });
  if (doing === 'stopped') return dead('the daemon is stopped', { ended: 'stopped' });
  if (!isAlive(heartbeat, now, sinceBoot)) return dead('the daemon has given no sign of life');
  if (processIsGone) return dead('the daemon has died: there is no such process', { ended: 'died' });
  // Before it has the database, and when it has let go of it, it does not hold the lock.
  const holds =
    lock.kind === 'unknown' || (lock.kind === 'held' && (lock.holder === null || lock.holder.command === 'run'));
  if (!holds && doing !== 'starting' && doing !== 'stopping')
    return dead('the daemon has died: it has let go of the lock', { ended: 'died' });
  const fault = faults.find(keepsFilesOut);
  if (fault !== undefined) return { heartbeat, lives: true, problem: problemOfFault(fault) };
  if (holds || doing === 'stopping') return { heartbeat, lives: true, problem: null };
  return { heartbeat, lives: true, problem: { text: 'the daemon waits for its database', since: heartbeat.startedAt } };
}

/** What a daemon tells of itself while it runs: nobody has to look for signs. */
export function assessOwn(heartbeat: Heartbeat): DaemonHealth {
  const fault = heartbeat.work.faults.find(keepsFilesOut);
  return { heartbeat, lives: true, problem: fault === undefined ? null : problemOfFault(fault) };
}

/** Whether a daemon can take files now. */
export function isReady({ heartbeat, lives, problem }: DaemonHealth): boolean {
  const doing = heartbeat?.work.doing ?? 'stopped';
  return lives && problem === null && doing !== 'starting' && doing !== 'stopping' && doing !== 'stopped';
}

function unseen(lock: LockState, isOnServer: boolean): string {
  // Others may serve it, and what a daemon says of itself is found by these two settings.
  if (isOnServer)
    return 'no daemon of this database is known here: --landing and --state-dir have to be those of "run"';
  if (lock.kind !== 'held' || lock.holder === null) return 'no daemon has run on this database';
  const { command, pid } = lock.holder;
  return `no daemon says that it lives; "${command}", process ${pid}, has the database`;
}

/** What is wrong by a fault, whatever it keeps out. */
export function problemOfFault(fault: Fault): HealthProblem {
  const where = fault.file === null ? '' : ` ${fault.file}:`;
  return { text: `${fault.kind}:${where} ${fault.problem}`, since: fault.since };
}

/** One file's fault keeps no other file out: only these do. */
function keepsFilesOut(fault: Fault): boolean {
  return (
    (fault.kind === 'archive' && fault.file === null) ||
    fault.kind === 'landing' ||
    fault.kind === 'database' ||
    fault.kind === 'worker'
  );
}
