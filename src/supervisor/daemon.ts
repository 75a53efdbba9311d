import { hostname } from 'node:os';
import { openReaderProcess } from '../findings/reader-process.ts';
import type { Ask } from '../findings/questions.ts';
import { createEvents } from '../model/events.ts';
import { isAtRest, STARTING, type Work } from '../model/work.ts';
import { logFaults } from '../output/event-log.ts';
import { withoutPassword } from '../settings/database-url.ts';
import { createFaultBook, type FaultBook } from '../status/faults.ts';
import {
  BEAT_MS,
  heartbeatPlace,
  isAlive,
  makeHeartbeatFolder,
  readHeartbeat,
  requireHeartbeatPlace,
  writeHeartbeat,
  type Heartbeat,
} from '../status/heartbeat.ts';
import { bootTime } from '../system/boot-clock.ts';
import { PROCESS_TABLE } from '../system/process-table.ts';
import { every, throttle } from '../system/timers.ts';
import type { Alerting } from './alerting.ts';
import { openAlerts } from './open-alerts.ts';
import { startSchedule } from './schedule.ts';
import { createSupervision, supervise, type Supervision, type SupervisorOptions } from './supervise.ts';
import { createNotifier, describeWork, type Notifier } from './systemd.ts';
import { watchFolders } from './watch-folders.ts';
import { isWorkerWell, sendToWorker, workerPid, type Stage, type WorkerEnd } from './worker-process.ts';

/** On a stop the worker has so long to commit the file in hand, in ms. */
const COMMIT_WITHIN_MS = 4_000;

/** Events come in swarms: the worker hears of the first at once, and then at most so often, in ms. */
const POKE_GAP_MS = 20;

/** How far the worker is, is told at most so often, in ms. */
const PROGRESS_GAP_MS = 1_000;

/** The daemon's parent process, as it runs. */
interface Daemon {
  readonly options: SupervisorOptions;
  readonly supervision: Supervision;
  readonly faults: FaultBook;
  readonly notifier: Notifier;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** Whether anything may be written beside the database. */
  found: boolean;
  /** Until this daemon has the database, what others read about it may be another daemon's to say. */
  owner: boolean;
  /** Whether the daemon before has killed its worker in order to stop, and that is not forgiven yet. */
  unforgiven: boolean;
  /** Watches these folders in the landing folder as well. */
  follow: (folders: readonly string[]) => void;
  /** Whether the service manager was told that the daemon is ready. */
  announced: boolean;
  /** Why the daemon ends by itself; null: it does not. */
  problem: string | null;
  /** Whether what lay in the landing folder at the start was looked at. */
  settled: boolean;
}

/**
 * The daemon's parent process. It watches, keeps the clock, answers signals, pings the watchdog and says that it lives;
 * all that takes time or touches the database is the worker's. So it is always there within milliseconds.
 * @returns the exit code, once stopped: 0, or the worker's where it cannot go on
 */
export async function runDaemon(options: SupervisorOptions): Promise<number> {
  const { settings, io, logger } = options;
  using releases = new DisposableStack();
  const daemon = createDaemon(options, releases);
  tellAsItGoes(daemon, releases);
  listenToFolder(daemon, releases);
  const ask = openReaderProcess(settings, io, releases);
  if (settings.http !== null) {
    // It is loaded only where it is asked for.
    const { openSite } = await import('../http/site.ts');
    const { events } = daemon.supervision.options;
    const [faults, heartbeat] = [daemon.faults, () => heartbeatOf(daemon)];
    openSite({ ...options, ask, address: settings.http, events, faults, heartbeat }, releases);
  }
  const alerting = await startAlerts(daemon, ask, releases);
  const { landing, db } = settings;
  logger.info({ version: io.program.version, landing, db: withoutPassword(db) }, 'landfall starts');
  const exitCode = await supervise(daemon.supervision);
  if (daemon.problem !== null) await alerting?.tellEnd(daemon.problem);
  beat(daemon, 'stopped');
  logger.info('stopped');
  return exitCode;
}

function createDaemon(options: SupervisorOptions, releases: DisposableStack): Daemon {
  const { settings, io, logger } = options;
  const place = heartbeatPlace(settings);
  makeHeartbeatFolder(settings);
  requireHeartbeatPlace(place);
  const before = readHeartbeat(place);
  const notifier = createNotifier(io.env, io.program.pid);
  releases.defer(() => {
    notifier.close();
  });
  const events = createEvents();
  logFaults(events, logger);
  const daemon: Daemon = {
    options,
    faults: createFaultBook(events, io.now),
    notifier,
    startedAt: io.now().toISOString(),
    found: false,
    owner: false,
    unforgiven: before?.cutShort === true,
    announced: false,
    follow: () => undefined,
    problem: null,
    settled: false,
    supervision: createSupervision({
      ...options,
      job: { verb: 'run' },
      events,
      before,
      graceMs: COMMIT_WITHIN_MS,
      onStage: (stage) => {
        reach(daemon, stage);
      },
      onFolders: (folders) => {
        daemon.follow(folders);
      },
      onEnd: (end) => afterEnd(daemon, end),
      onStop() {
        notifier.send({ STOPPING: '1', STATUS: 'stopping' });
        logger.info('stopping');
        beat(daemon);
      },
      onTooLate: () => {
        logger.warn('the file in hand takes longer; it is given up, and read again after the next start');
      },
      onLeave: () => {
        beat(daemon, 'stopped');
      },
    }),
  };
  return daemon;
}

/** Has the heartbeat, the service manager and its watchdog hear of what the daemon does. */
function tellAsItGoes(daemon: Daemon, releases: DisposableStack): void {
  const { supervision, notifier } = daemon;
  const { events } = supervision.options;
  const tellAll = (): void => {
    beat(daemon);
    tellStatus(daemon);
  };
  const tellProgress = throttle(releases, PROGRESS_GAP_MS, tellAll);
  every(releases, BEAT_MS, tellAll);
  for (const name of ['fault:begin', 'fault:end'] as const) {
    events.on(name, () => {
      beat(daemon);
    });
  }
  let told: Work = STARTING;
  events.on('work', (work) => {
    // It waits for its database: as ready as it can be.
    if (work.faults.length > 0) announceReady(daemon);
    daemon.settled ||= isAtRest(work.doing);
    if (work.doing !== told.doing || work.faults.length !== told.faults.length) beat(daemon);
    told = work;
    tellProgress();
  });
  if (notifier.pingMs !== null) {
    every(releases, notifier.pingMs, () => {
      if (isWorkerWell(supervision.worker)) notifier.send({ WATCHDOG: '1' });
    });
  }
}

/** Has people told of what is wrong, where that is set up. */
function startAlerts(daemon: Daemon, ask: Ask, releases: DisposableStack): Promise<Alerting | null> {
  const { options, supervision, faults } = daemon;
  const { events } = supervision.options;
  const mayTell = (): boolean => daemon.owner || !isOthers(daemon);
  const mayWrite = (): boolean => daemon.found && mayTell();
  const [work, isSettled] = [() => currentWork(daemon), () => daemon.settled];
  return openAlerts({ ...options, ask, events, faults, work, mayTell, mayWrite, isSettled }, releases);
}

/** Has the worker look at the folder when something happens there, and by the clock. */
function listenToFolder(daemon: Daemon, releases: DisposableStack): void {
  const { options, supervision, faults } = daemon;
  const { settings, io } = options;
  const poke = throttle(releases, POKE_GAP_MS, () => {
    sendToWorker(supervision.worker, { kind: 'poke' });
  });
  const watcher = watchFolders({
    folder: settings.landing,
    onPoke: poke,
    onBlind: (why) => {
      const problem = `the landing folder is listed by the schedule only (${why})`;
      faults.begin({ kind: 'watch', file: null, problem });
    },
    onSight: () => {
      faults.end('watch');
    },
    monotonic: () => performance.now(),
  });
  daemon.follow = (folders) => {
    watcher.follow(folders);
  };
  releases.defer(() => {
    watcher.close();
  });
  every(releases, BEAT_MS, () => {
    watcher.check();
  });
  const schedule = startSchedule({ expression: settings.rescan, onDue: poke, wall: () => io.now().getTime() });
  releases.defer(() => {
    schedule.stop();
  });
}

function reach(daemon: Daemon, stage: Stage): void {
  if (stage === 'ready') {
    daemon.unforgiven = false;
    daemon.faults.end('worker');
    announceReady(daemon);
    return;
  }
  daemon[stage] = true;
  beat(daemon);
}

/** @returns the exit code; null: it is started again */
function afterEnd(daemon: Daemon, end: WorkerEnd): number | null {
  const { options, supervision, faults } = daemon;
  daemon.owner = false;
  if (supervision.stopping) return 0;
  if (end.kind === 'done') {
    daemon.problem = end.problem ?? 'the worker process has ended';
    options.logger.fatal(daemon.problem);
    return end.exitCode;
  }
  supervision.work = { ...STARTING, taken: supervision.work.taken };
  const problem = `the worker process ended (${end.how}); it is started again`;
  faults.begin({ kind: 'worker', file: null, problem });
  return null;
}

/** What the daemon does, in both of its processes. */
function currentWork({ supervision, faults }: Daemon): Work {
  const { work, stopping } = supervision;
  return { ...work, doing: stopping ? 'stopping' : work.doing, faults: [...faults.list(), ...work.faults] };
}

/** Says in the heartbeat how the daemon is, where it may. */
function beat(daemon: Daemon, doing?: 'stopped'): void {
  if (!daemon.found || (!daemon.owner && isOthers(daemon))) return;
  try {
    writeHeartbeat(heartbeatPlace(daemon.options.settings), heartbeatOf(daemon, doing));
  } catch {
    // The disk of the database is full or gone. The worker reports that; here the next beat tries again.
  }
}

function heartbeatOf(daemon: Daemon, doing?: 'stopped'): Heartbeat {
  const { options, supervision, startedAt, unforgiven } = daemon;
  const { settings, io } = options;
  const { stopping, killed, worker } = supervision;
  const work = currentWork(daemon);
  return {
    version: io.program.version,
    host: hostname(),
    ...{ pid: io.program.pid, workerPid: workerPid(worker), processTable: PROCESS_TABLE },
    startedAt,
    ...{ beat: io.now().toISOString(), sinceBoot: bootTime() },
    landing: settings.landing,
    // Until the worker has ended by itself, something may yet kill it on the way out.
    cutShort: unforgiven || (stopping && (doing === undefined || killed)),
    work: { ...work, doing: doing ?? work.doing },
  };
}

/** Whether another daemon says of late that it lives: it has the database, or waits for it as well. */
function isOthers({ options: { settings, io }, startedAt }: Daemon): boolean {
  const said = readHeartbeat(heartbeatPlace(settings));
  return said !== null && said.startedAt !== startedAt && isAlive(said, io.now(), bootTime());
}

function tellStatus(daemon: Daemon): void {
  daemon.notifier.send({ STATUS: describeWork(currentWork(daemon)) });
}

function announceReady(daemon: Daemon): void {
  if (daemon.announced) return;
  daemon.announced = true;
  daemon.notifier.send({ READY: '1' });
  tellStatus(daemon);
}
