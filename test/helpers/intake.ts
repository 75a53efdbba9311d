import type { Work } from '../../src/model/work.ts';
import { createDrain, type Drain, type Round } from '../../src/worker/intake.ts';
import { createFaultBook, type FaultBook } from '../../src/status/faults.ts';
import { storeLedger, type Ledger } from '../../src/worker/ledger.ts';
import { createLog } from '../../src/output/log.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { openDesk, type Desk } from './ingest.ts';
import { watchForLeaks } from './leak.ts';

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The loop's body on a real folder and a real database, with clocks that only the test moves. */
export interface DrainDesk extends Desk {
  readonly drain: Drain;
  readonly faults: FaultBook;
  readonly log: readonly LogLine[];
  readonly work: readonly Work[];
  readonly stop: AbortController;
  readonly giveUp: AbortController;
  /** What the wall clock shows. */
  now(): Date;
  /** Moves both clocks on, in ms. */
  pass(ms: number): void;
  /** Sets the wall clock forth or back, in ms. No time passes. */
  setClock(ms: number): void;
  /** Runs rounds, moving the clocks to each wake-up, until nothing is left that comes by itself. */
  settleAll(): Promise<Round>;
  /** The messages of the log, in order. */
  messages(): unknown[];
  /** Makes a new loop on the same database, as a restart does. */
  restart(): Drain;
}

export interface DrainDeskOptions {
  readonly settings?: Partial<Settings>;
  /** Changes what the loop hears of the database. */
  readonly ledger?: (real: Ledger) => Ledger;
  readonly hasNews?: () => boolean;
  /** The version of Landfall. */
  readonly program?: string;
}

/** The wall clock stands at the real time when the test begins, since files are given theirs by the system. */
export function openDrainDesk(options: DrainDeskOptions = {}): DrainDesk {
  const desk = openDesk({ program: options.program ?? '0.0.0' });
  const begun = Date.now();
  let passed = 0;
  let set = 0;
  const now = (): Date => new Date(begun + passed + set);
  const log: LogLine[] = [];
  watchForLeaks(() => JSON.stringify(log));
  const work: Work[] = [];
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
  const faults = createFaultBook(
    logger,
    now,
    () => undefined,
    () => passed,
  );
  const real = storeLedger(desk.store, now);
  const make = (): Drain =>
    createDrain({
      settings: {
        landing: desk.landing,
        settleMs: 2_000,
        after: 'keep',
        archiveAfterMs: 600_000,
        archiveDir: null,
        ...options.settings,
      },
      feed: desk.feed,
      ledger: options.ledger?.(real) ?? real,
      logger,
      faults,
      now,
      monotonic: () => passed,
      stop: stop.signal,
      giveUp: giveUp.signal,
      hasNews: options.hasNews ?? (() => false),
      tellAgain: false,
      onWork: (state) => work.push(state),
    });
  let drain = make();

  return {
    ...desk,
    get drain() {
      return drain;
    },
    faults,
    log,
    work,
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
      for (let rounds = 0; rounds < 100; rounds++) {
        const round = await drain.round();
        if (round.open === 0) return round;
        passed += Math.max(1, Math.ceil(round.wakeMs ?? 0));
      }
      throw new Error('the loop does not come to rest');
    },
    messages: () => log.map((line) => line['msg']),
    restart() {
      drain = make();
      return drain;
    },
  };
}
