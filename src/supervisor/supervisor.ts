import { hostname } from 'node:os';
import type { CommandIo } from '../system/io.ts';
import { createEvents } from '../model/events.ts';
import { logFaults } from '../output/event-log.ts';
import { watchLanding } from './watch.ts';
import type { Logger } from '../output/log.ts';
import { withoutPassword } from '../settings/database-url.ts';
import type { Settings } from '../settings/settings.ts';
import { STARTING, type Work } from '../model/work.ts';
import { BEAT_MS, cutShortAt, isAlive, readAlive, writeAlive } from '../status/heartbeat.ts';
import { createFaultBook } from '../status/faults.ts';
import { describeWork, PATIENCE, type Patience } from '../status/health.ts';
import { every, onAbort, rarely } from './hooks.ts';
import { createLoaderHandle, type LoaderEnd } from './worker-process.ts';
import { createNotifier } from './systemd.ts';
import { startSchedule } from './schedule.ts';

/** On a stop the loader has so long to commit the file in hand, in ms; then it gives it up, … */
const COMMIT_WITHIN_MS = 4_000;
/** … and is killed when it still runs after so long. */
const KILL_AFTER_MS = 5_000;

/** Events come in swarms: the loader hears of the first at once, and then at most so often, in ms. */
const POKE_GAP_MS = 20;

/** How far the loader is, is told at most so often, in ms. */
const PROGRESS_GAP_MS = 1_000;

export interface KeeperOptions {
  readonly settings: Settings;
  readonly io: CommandIo;
  readonly logger: Logger;
  /** Takes a line of the loader's log. */
  readonly relay: (line: string) => void;
  /** How long a silent loader is waited for. */
  readonly patience?: Patience;
}

/**
 * The daemon's parent process. It watches, keeps the clock, answers signals, pings the watchdog and says that it lives;
 * all that takes time or touches the database is the loader's. So it is always there within milliseconds.
 * @returns the exit code, once stopped: 0, or the loader's where it cannot go on
 */
export async function keep(options: KeeperOptions): Promise<number> {
  const { settings, io, logger, relay, patience = PATIENCE } = options;
  const startedAt = io.now().toISOString();
  const ended = Promise.withResolvers<number>();
  using releases = new DisposableStack();

  const before = readAlive(settings.db);
  const notifier = createNotifier(io.env, io.program.pid);
  releases.defer(() => {
    notifier.close();
  });
  const events = createEvents();
  const faults = createFaultBook(events, io.now);
  logFaults(events, logger);
  for (const name of ['fault:begin', 'fault:end'] as const) {
    events.on(name, () => {
      beat();
    });
  }

  const tellStatus = (): void => {
    notifier.send({ STATUS: describeWork(currentWork()) });
  };
  const tellProgress = rarely(releases, PROGRESS_GAP_MS, () => {
    beat();
    tellStatus();
  });

  let work: Work = STARTING;
  let stopping = false;
  let killed = false;
  let ready = false;
  /** Whether anything may be written beside the database. */
  let found = false;
  /** Until this daemon has the database, what others read about it may be another daemon's to say. */
  let owner = false;
  /** Whether the daemon before has killed its loader in order to stop, and that is not forgiven yet. */
  let unforgiven = before?.cutShort === true;

  const loader = createLoaderHandle({
    settings,
    job: { verb: 'run' },
    command: io.program.command,
    env: io.env,
    supervisorPid: io.program.pid,
    cutShortAt: cutShortAt(before),
    onFound() {
      found = true;
      beat();
    },
    onOwner() {
      owner = true;
      beat();
    },
    onReady() {
      unforgiven = false;
      faults.end('loader');
      announceReady();
    },
    onWork(now) {
      const changed = now.doing !== work.doing || now.faults.length !== work.faults.length;
      work = now;
      // It waits for its database: as ready as it can be.
      if (work.faults.length > 0) announceReady();
      if (changed) beat();
      tellProgress();
    },
    onLogLine: relay,
    onErrorText: io.stderr.write,
    onEnd,
    patience,
  });

  function onEnd(end: LoaderEnd): void {
    owner = false;
    if (stopping) {
      ended.resolve(0);
      return;
    }
    if (end.kind === 'done') {
      logger.fatal(end.problem ?? 'the loading process has ended');
      ended.resolve(end.exitCode);
      return;
    }
    work = { ...STARTING, taken: work.taken };
    faults.begin({
      kind: 'loader',
      file: null,
      problem: `the loading process ended (${end.how}); it is started again`,
    });
    loader.startAgain();
  }

  function currentWork(): Work {
    const all = [...faults.list(), ...work.faults];
    return { ...work, doing: stopping ? 'stopping' : work.doing, faults: all };
  }

  function beat(doing?: 'stopped'): void {
    if (!found || (!owner && isOthers())) return;
    const now = currentWork();
    try {
      writeAlive(settings.db, {
        version: io.program.version,
        host: hostname(),
        pid: io.program.pid,
        loaderPid: loader.pid(),
        startedAt,
        beat: io.now().toISOString(),
        landing: settings.landing,
        // Until the loader has ended by itself, something may yet kill it on the way out.
        cutShort: unforgiven || (stopping && (doing === undefined || killed)),
        work: { ...now, doing: doing ?? now.doing },
      });
    } catch {
      // The disk of the database is full or gone. The loader reports that; here the next beat tries again.
    }
  }

  /** Whether another daemon says of late that it lives: it has the database, or waits for it as well. */
  function isOthers(): boolean {
    const said = readAlive(settings.db);
    return said !== null && said.startedAt !== startedAt && isAlive(said, io.now());
  }

  function announceReady(): void {
    if (ready) return;
    ready = true;
    notifier.send({ READY: '1' });
    tellStatus();
  }

  const poke = rarely(releases, POKE_GAP_MS, () => {
    loader.send({ kind: 'poke' });
  });
  const watcher = watchLanding({
    folder: settings.landing,
    onPoke: poke,
    onBlind: (why) => {
      faults.begin({
        kind: 'watch',
        file: null,
        problem: `the landing folder is listed by the schedule only (${why})`,
      });
    },
    onSight: () => {
      faults.end('watch');
    },
    monotonic: () => performance.now(),
  });
  releases.defer(() => {
    watcher.close();
  });
  const schedule = startSchedule({ expression: settings.rescan, onDue: poke, wall: () => io.now().getTime() });
  releases.defer(() => {
    schedule.stop();
  });

  every(releases, BEAT_MS, () => {
    beat();
    tellStatus();
    const silentMs = loader.check();
    if (silentMs !== null) {
      logger.error({ silentSeconds: Math.round(silentMs / 1000) }, 'the loading process hangs; it is killed');
    }
  });
  every(releases, WATCH_CHECK_MS, () => {
    watcher.check();
  });
  if (notifier.pingMs !== null) {
    every(releases, notifier.pingMs, () => {
      if (loader.isWell()) notifier.send({ WATCHDOG: '1' });
    });
  }

  function stop(): void {
    stopping = true;
    notifier.send({ STOPPING: '1', STATUS: 'stopping' });
    logger.info('stopping');
    beat();
    if (loader.pid() === null) {
      loader.kill();
      ended.resolve(0);
      return;
    }
    loader.stop(COMMIT_WITHIN_MS);
    const timer = setTimeout(() => {
      killed = true;
      logger.warn('the file in hand takes longer; it is given up, and read again after the next start');
      loader.kill();
    }, KILL_AFTER_MS);
    releases.defer(() => {
      clearTimeout(timer);
    });
  }
  onAbort(io.stop, stop);
  onAbort(io.leave, () => {
    stopping = true;
    killed = true;
    loader.kill();
    beat('stopped');
  });

  logger.info(
    { version: io.program.version, landing: settings.landing, db: withoutPassword(settings.db) },
    'landfall starts',
  );
  if (!io.stop.aborted) loader.start();
  const exitCode = await ended.promise;
  beat('stopped');
  logger.info('stopped');
  return exitCode;
}

/** How often to look whether the folder that is watched is still the one at its path, in ms. */
const WATCH_CHECK_MS = 2_000;
