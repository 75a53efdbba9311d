import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { alertFile, forgetAcknowledged, readAcknowledged, readAlerts, writeAlerts } from '../alerts/alert-file.ts';
import { createAlerter, type Alerter, type AlertStore, type Known } from '../alerts/alerter.ts';
import { createChannels, pingUrl } from '../alerts/channels.ts';
import { startPinging } from '../alerts/ping.ts';
import { loadFeed } from '../feed/load.ts';
import { readDataConditions, UNKNOWN } from '../findings/data-conditions.ts';
import type { Ask } from '../findings/questions.ts';
import { LandfallError } from '../model/errors.ts';
import type { Events } from '../model/events.ts';
import type { Fault, Work } from '../model/work.ts';
import type { Settings } from '../settings/settings.ts';
import type { Condition } from '../status/condition.ts';
import { faultConditions } from '../status/daemon-conditions.ts';
import { exportConditions } from '../status/export-failures.ts';
import { heartbeatPlace } from '../status/heartbeat.ts';
import type { FaultBook } from '../status/faults.ts';
import type { CommandIo } from '../system/io.ts';
import { every, throttle } from '../system/timers.ts';

/** So often it is looked whether something is to be told, and what was not taken is tried again, in ms. */
const LOOK_MS = 15_000;
/** The ledger is asked again after so long, in ms, whatever was heard: a deadline may be over. */
const ASK_MS = 60_000;
/** What happens comes in swarms, in ms. */
const LOOK_GAP_MS = 2_000;
/** Answers of the ledger take a part in so many of the time, but are waited for at most until the next look. */
const ASK_SHARE = 20;
/** A fault of one file, such as an upload under way, is told after so long, in ms. */
const FILE_FAULT_AFTER_MS = 600_000;
/** On the way out receivers are waited for at most so long, in ms. */
const LEAVE_WITHIN_MS = 20_000;

export interface AlertingOptions {
  readonly settings: Settings;
  readonly io: Pick<CommandIo, 'now'>;
  /** Asks the reading process. */
  readonly ask: Ask;
  readonly events: Events;
  /** Where receivers that take nothing are told of. */
  readonly faults: FaultBook;
  /** What the daemon does, in both of its processes. */
  readonly work: () => Work;
  /** Whether it is this daemon's to tell: no other has the database. */
  readonly mayTell: () => boolean;
  /** Whether something may be written beside the database. */
  readonly mayWrite: () => boolean;
  /** Whether what lay there at the start is in: until then nothing is overdue. */
  readonly isSettled: () => boolean;
}

/** Alerts of a daemon that runs. */
export interface Alerting {
  /** Tells that the daemon ends by itself, and why; waits for receivers, but not long. */
  readonly tellEnd: (problem: string) => Promise<void>;
}

/**
 * Tells people of what is wrong, for as long as the daemon runs. It never holds up the work: a process of its own asks the ledger, and whoever is
 * told has some seconds.
 * @throws LandfallError when what is set up for it cannot be read
 */
export function startAlerting(options: AlertingOptions, releases: DisposableStack): Alerting {
  const { settings, io, events, work } = options;
  const ping = pingUrl(settings.pingUrl);
  const alerter = openAlerter(options);
  const holder = holderOf(settings);
  const place = heartbeatPlace(settings);
  let data: Known = UNKNOWN;
  const asked = { files: -1, at: -Infinity, notBefore: -Infinity, isRunning: false };

  const tell = (): void => {
    if (options.mayTell())
      alerter.look({
        ...data,
        conditions: withFaults(work().faults, [...exportConditions(place), ...data.conditions], io.now()),
      });
  };
  const ask = async (): Promise<void> => {
    const at = performance.now();
    const { files } = work().taken;
    const isDue = (files !== asked.files && at >= asked.notBefore) || at - asked.at >= ASK_MS;
    if (!isDue || asked.isRunning || !options.isSettled() || !options.mayTell()) return;
    Object.assign(asked, { files, at, isRunning: true });
    data = await readData(options.ask, holder, io.now());
    Object.assign(asked, { notBefore: at + Math.min((performance.now() - at) * ASK_SHARE, LOOK_MS), isRunning: false });
    tell();
  };
  const look = (): void => {
    if (options.isSettled() || work().faults.length > 0) tell();
    void ask();
  };
  const soon = throttle(releases, LOOK_GAP_MS, look);
  for (const name of ['work', 'fault:begin', 'fault:end'] as const) events.on(name, soon);
  every(releases, LOOK_MS, look);
  if (ping !== null) {
    const isWell = (): boolean => faultConditions(work().faults).every(({ severity }) => severity !== 'critical');
    startPinging(ping, isWell, releases);
  }
  return {
    async tellEnd(problem) {
      const about = { dataset: null, file: null, period: null, since: io.now().toISOString() };
      const text = `the daemon has ended: ${problem}`;
      const end: Condition = { id: 'daemon', kind: 'daemon', severity: 'critical', ...about, text, hint: null };
      alerter.look({
        ...data,
        conditions: [end, ...withFaults(work().faults, [...exportConditions(place), ...data.conditions], io.now())],
      });
      await atMost(alerter.idle(), LEAVE_WITHIN_MS);
    },
  };
}

/**
 * Tells what is wrong after a run that ends by itself.
 * @throws LandfallError as `startAlerting`
 */
export async function alertOnce(
  options: Pick<AlertingOptions, 'settings' | 'io' | 'faults'>,
  faults: readonly Fault[],
): Promise<void> {
  const { settings, io } = options;
  const alerter = openAlerter({ ...options, mayWrite: () => true });
  const { db, alertRejected } = settings;
  const feed = loadFeed(settings.feed, settings.env);
  const data = await readDataConditions({ db, feed, alertRejected }, holderOf(settings), io.now());
  const exports = exportConditions(heartbeatPlace(settings));
  alerter.look({ ...data, conditions: withFaults(faults, [...exports, ...data.conditions], io.now()) });
  await atMost(alerter.idle(), LEAVE_WITHIN_MS);
}

/** Who this daemon is to others of its database, also after it was started again. */
function holderOf(settings: Settings): string {
  return `${hostname()}:${heartbeatPlace(settings)}`;
}

async function readData(ask: Ask, holder: string, now: Date): Promise<Known> {
  try {
    return await ask({ kind: 'conditions', holder, now: now.toISOString() });
  } catch (error) {
    // The process has died, or has hung and was ended: what it died of the worker process meets as well, and tells.
    if (error instanceof LandfallError) return UNKNOWN;
    throw error;
  }
}

function openAlerter({
  settings,
  io,
  faults,
  mayWrite,
}: Pick<AlertingOptions, 'settings' | 'io' | 'faults' | 'mayWrite'>): Alerter {
  const place = heartbeatPlace(settings);
  const store: AlertStore = {
    read: () => readAlerts(place),
    write(book) {
      if (!mayWrite()) throw new Error(`${alertFile(place)} is not ours to write yet`);
      writeAlerts(place, book);
    },
    acknowledged: () => readAcknowledged(place),
    forgetAcknowledged: () => {
      if (mayWrite()) forgetAcknowledged(place);
    },
  };
  return createAlerter({
    channels: createChannels(settings),
    store,
    sender: { feed: loadFeed(settings.feed, settings.env).name, host: hostname() },
    repeatMs: settings.alertRepeatMs,
    now: io.now,
    monotonic: () => performance.now(),
    onTrouble(problem) {
      if (problem === null) faults.end('alerts');
      else faults.begin({ kind: 'alerts', file: null, problem });
    },
  });
}

/** The faults that are to be told, then what else there is; each id once. */
function withFaults(faults: readonly Fault[], others: readonly Condition[], now: Date): Condition[] {
  const isTold = ({ kind, since }: Fault): boolean =>
    kind !== 'file' || now.getTime() - Date.parse(since) >= FILE_FAULT_AFTER_MS;
  const all = [...faultConditions(faults.filter(isTold)), ...others];
  return [...Map.groupBy(all, ({ id }) => id).values()].flatMap(([first]) => (first === undefined ? [] : [first]));
}

async function atMost(work: Promise<void>, ms: number): Promise<void> {
  const late = new AbortController();
  await Promise.race([work, sleep(ms, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
}
