import { join } from 'node:path';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import { createEvents, type EventMap } from '../../src/model/events.ts';
import type { IngestOptions, IngestOutcome } from '../../src/model/ingest.ts';
import type { ListedFile } from '../../src/model/listed-file.ts';
import type { Feed } from '../../src/model/feed.ts';
import type { ProtectionKey } from '../../src/model/protection-key.ts';
import type { Work } from '../../src/model/work.ts';
import { logFaults, logFiles } from '../../src/output/event-log.ts';
import { createLog } from '../../src/output/log.ts';
import type { Settings } from '../../src/settings/settings.ts';
import type { Store } from '../../src/store/store.ts';
import { createFaultBook, type FaultBook } from '../../src/status/faults.ts';
import { createCurrentWork } from '../../src/worker/current-work.ts';
import { scan, type Scan } from '../../src/worker/intake.ts';
import { createIntake, runTotals, type Intake, type RunTotals } from '../../src/worker/intake-state.ts';
import { openDesk, type Desk } from './ingest.ts';
import { watchForLeaks } from './leak.ts';

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The intake on a real folder and a real database, with clocks that only the test moves. */
export interface IntakeDesk extends Desk {
  /** Where copies are kept. */
  readonly archive: string;
  readonly scan: () => Promise<Scan>;
  readonly totals: () => RunTotals;
  readonly faults: FaultBook;
  readonly log: readonly LogLine[];
  readonly work: readonly Work[];
  /** Every event but those of work, in order. */
  readonly events: readonly { readonly name: keyof EventMap; readonly told: readonly unknown[] }[];
  readonly stop: AbortController;
  readonly giveUp: AbortController;
  /** What the wall clock shows. */
  now(): Date;
  /** Moves both clocks on, in ms. */
  pass(ms: number): void;
  /** Sets the wall clock forth or back, in ms. No time passes. */
  setClock(ms: number): void;
  /** Scans, moving the clocks to each wake-up, until nothing is left that comes by itself. */
  settleAll(): Promise<Scan>;
  /** The messages of the log, in order. */
  messages(): unknown[];
  /** Makes a new intake on the same database, as a restart does. */
  restart(): void;
}

/** What the intake asks of the store, and how it takes a file into it. */
export interface Doors extends Store {
  readonly ingest: (file: ListedFile, options: IngestOptions) => Promise<IngestOutcome>;
}

export interface IntakeDeskOptions {
  /** By default the shipped one. */
  readonly feed?: Feed;
  readonly settings?: Partial<Settings>;
  /** Changes what the intake asks of the store, and how it takes a file into it. */
  readonly doors?: (real: Doors) => Doors;
  /** How much time each look at the monotonic clock takes, in ms. */
  readonly tickMs?: number;
  readonly hasNews?: () => boolean;
  /** Asked at each start. */
  readonly protection?: () => ProtectionKey | null;
  /** The version of Landfall. */
  readonly program?: string;
}

const NAMES = [
  'file:ingested',
  'file:quarantined',
  'file:unchanged',
  'file:changed',
  'file:given_up',
  'files:taken',
  'names:unread',
  'fault:begin',
  'fault:end',
] as const satisfies readonly (keyof EventMap)[];

/** The wall clock stands at the real time when the test begins, since files are given theirs by the system. */
export function openIntakeDesk(options: IntakeDeskOptions = {}): IntakeDesk {
  const desk = openDesk({
    program: options.program ?? '0.0.0',
    ...(options.feed === undefined ? {} : { feed: options.feed }),
  });
  const begun = Date.now();
  let passed = 0;
  let set = 0;
  const now = (): Date => new Date(begun + passed + set);
  const log: LogLine[] = [];
  const told: { name: keyof EventMap; told: readonly unknown[] }[] = [];
  watchForLeaks(() => JSON.stringify([log, told]));
  const workTold: Work[] = [];
  const stop = new AbortController();
  const giveUp = new AbortController();
  const output = {
    write: (line: string) => void log.push(JSON.parse(line) as LogLine),
    isTTY: false,
    columns: 80,
    colour: false,
    journal: false,
    lossy: null,
  };
  const logger = createLog({ logLevel: 'trace', logFormat: 'json' }, output, 1);
  const real: Doors = { ...desk.store, ingest: (file, options) => ingestFile(desk.store, file, options) };
  const doors = options.doors?.(real) ?? real;
  const make = (): Intake => {
    const events = createEvents();
    const faults = createFaultBook(events, now, () => passed);
    logFaults(events, logger);
    logFiles(events, logger, desk.feed);
    for (const name of NAMES) events.on(name, (...args: readonly unknown[]) => told.push({ name, told: args }));
    events.on('work', (work) => workTold.push(work));
    return createIntake({
      settings: {
        landing: desk.landing,
        settleMs: 2_000,
        archive: join(desk.folder, 'archive'),
        archiveForMs: null,
        after: 'keep',
        removeAfterMs: 600_000,
        ...options.settings,
      },
      feed: desk.feed,
      protection: options.protection?.() ?? null,
      store: doors,
      ingest: (_, file, options) => doors.ingest(file, options),
      events,
      faults,
      work: createCurrentWork(events, faults),
      logger,
      now,
      monotonic: () => (passed += options.tickMs ?? 0),
      stop: stop.signal,
      giveUp: giveUp.signal,
      hasNews: options.hasNews ?? (() => false),
      tellAgain: false,
    });
  };
  let intake = make();

  return {
    ...desk,
    archive: join(desk.folder, 'archive'),
    scan: () => scan(intake),
    totals: () => runTotals(intake),
    get faults() {
      return intake.faults;
    },
    log,
    work: workTold,
    events: told,
    stop,
    giveUp,
    now,
    pass(ms) {
      passed += ms;
    },
    setClock(ms) {
      set += ms;
    },
    async settleAll() {
      for (let scans = 0; scans < 100; scans++) {
        const left = await scan(intake);
        if (left.open === 0) return left;
        passed += Math.max(1, Math.ceil(left.wakeMs ?? 0));
      }
      throw new Error('the intake does not come to rest');
    },
    messages: () => log.map((line) => line['msg']),
    restart() {
      intake = make();
    },
  };
}
