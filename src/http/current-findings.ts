import { LandfallError } from '../model/errors.ts';
import type { Ask, Findings } from '../findings/questions.ts';

/** What the database last said, and whether it can be asked now. */
export interface Found {
  /** Null: it has not said anything yet. */
  readonly findings: Findings | null;
  /** When it said so, ISO 8601, UTC. */
  readonly at: string | null;
  /** Why it could not be asked the last time, one sentence; null: it could, or has not answered yet. */
  readonly problem: string | null;
}

/** Keeps what the database last said, so that whoever asks is answered at once. */
export interface CurrentFindings {
  readonly get: () => Found;
  /** Something has happened: what is kept is no longer how things stand. */
  readonly outdate: () => void;
  /** Asks anew where what is kept is outdated and it may be asked again, and waits for that, but at most so many ms. */
  readonly refresh: (withinMs: number) => Promise<void>;
  readonly close: () => void;
}

export interface CurrentFindingsOptions {
  readonly ask: Ask;
  readonly now: () => Date;
  readonly monotonic: () => number;
  /** How many days are told by themselves, with today. */
  readonly days: number;
  /** Called after each answer. */
  readonly onChange: () => void;
  /** Whether somebody waits for changes: then it is asked as soon as it may be. */
  readonly isWatched: () => boolean;
}

/** The database is asked at most so often, in ms, … */
const LEAST_GAP_MS = 1_000;
/** … takes at most a part in so many of the time, however long its answers take, … */
const SHARE = 20;
/** … and is asked again after so long, in ms, whatever was heard: `accept`, or another program, may have written to it. */
const MOST_AGE_MS = 3_000;
/** After a problem it is tried again after so long, in ms. */
const PROBLEM_AGE_MS = 5_000;

const DAY_MS = 86_400_000;

/** Nothing is known yet. */
export function createCurrentFindings(options: CurrentFindingsOptions): CurrentFindings {
  const { ask, now, monotonic } = options;
  let found: Found = { findings: null, at: null, problem: null };
  let outdated = true;
  /** The next answer takes longer than others: the reading process starts for it, and loads what it needs. */
  let isFirst = true;
  let answeredAt = -Infinity;
  let notBefore = -Infinity;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  function isDue(): boolean {
    const mostAge = found.problem === null ? MOST_AGE_MS : PROBLEM_AGE_MS;
    return outdated || monotonic() - answeredAt >= mostAge;
  }

  async function askOnce(): Promise<void> {
    outdated = false;
    const at = now();
    const since = new Date(at.getTime() - (options.days - 1) * DAY_MS).toISOString().slice(0, 10);
    let workMs = 0;
    try {
      const findings = await ask({ kind: 'findings', since, now: at.toISOString() });
      if (!isFirst) workMs = findings.ms;
      isFirst = false;
      found = { findings, at: now().toISOString(), problem: null };
    } catch (error) {
      if (!(error instanceof LandfallError)) throw error;
      found = { ...found, problem: error.message };
      isFirst = true;
    }
    answeredAt = monotonic();
    notBefore = answeredAt + Math.max(LEAST_GAP_MS, workMs * SHARE);
  }

  /** Starts asking where it is due and may be done. */
  function start(): void {
    if (closed || running !== null || !isDue()) return;
    const wait = notBefore - monotonic();
    if (wait > 0) {
      if (options.isWatched()) timer ??= setTimeout(later, wait);
      return;
    }
    running = askOnce().finally(() => {
      running = null;
      if (closed) return;
      options.onChange();
      // What happened meanwhile, or a problem: it is looked at again.
      if (options.isWatched()) start();
    });
  }

  function later(): void {
    timer = null;
    start();
  }

  return {
    get: () => found,
    outdate() {
      outdated = true;
      if (options.isWatched()) start();
    },
    async refresh(withinMs) {
      start();
      if (running === null) return;
      const limit = Promise.withResolvers<null>();
      const expiry = setTimeout(limit.resolve, withinMs, null);
      await Promise.race([running, limit.promise]);
      clearTimeout(expiry);
    },
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
