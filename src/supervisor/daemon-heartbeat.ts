import { hostname } from 'node:os';
import type { Settings } from '../settings/settings.ts';
import { isAlive, readHeartbeat, writeHeartbeat, type Heartbeat } from '../status/heartbeat.ts';
import type { CommandIo } from '../system/io.ts';

/** What a daemon needs to know in order to say that it lives. */
export interface DaemonHeartbeat {
  readonly settings: Settings;
  readonly io: CommandIo;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** Whether anything may be written beside the database. */
  found: boolean;
  /** Until this daemon has the database, what others read about it may be another daemon's to say. */
  owner: boolean;
  /** Whether the daemon before has killed its worker in order to stop, and that is not forgiven yet. */
  unforgiven: boolean;
}

/** @param before what the daemon before has said; null: nothing */
export function createDaemonHeartbeat(settings: Settings, io: CommandIo, before: Heartbeat | null): DaemonHeartbeat {
  const startedAt = io.now().toISOString();
  return { settings, io, startedAt, found: false, owner: false, unforgiven: before?.cutShort === true };
}

/** Says how the daemon is, where it may. */
export function beat(
  heartbeat: DaemonHeartbeat,
  { workerPid, cutShort, work }: Pick<Heartbeat, 'workerPid' | 'cutShort' | 'work'>,
): void {
  const { settings, io, startedAt, found, owner, unforgiven } = heartbeat;
  if (!found || (!owner && isOthers(heartbeat))) return;
  try {
    writeHeartbeat(settings.db, {
      version: io.program.version,
      host: hostname(),
      pid: io.program.pid,
      workerPid,
      startedAt,
      beat: io.now().toISOString(),
      landing: settings.landing,
      cutShort: unforgiven || cutShort,
      work,
    });
  } catch {
    // The disk of the database is full or gone. The worker reports that; here the next beat tries again.
  }
}

/** Whether another daemon says of late that it lives: it has the database, or waits for it as well. */
function isOthers({ settings, startedAt, io }: DaemonHeartbeat): boolean {
  const said = readHeartbeat(settings.db);
  return said !== null && said.startedAt !== startedAt && isAlive(said, io.now());
}
