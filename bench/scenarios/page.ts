/** The scenario that looks at the page while a large file is loaded. */
import { get, type ClientRequest } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { readHeartbeat } from '../../src/status/heartbeat.ts';
import { landfall, workFolder } from '../contenders.ts';
import type { Context } from '../context.ts';
import { drop, startDaemon, type Daemon } from '../daemon.ts';
import { procedureFile, transactionFile, visitFile } from '../generate.ts';
import { median, percentile, type ScenarioResult } from '../report.ts';
import { measuring, universeOf } from './load.ts';

const PORT = 18_765;
const STREAMS = 100;
const PAGE_EVERY_MS = 1_000;
/** How often the supervisor is asked whether it is there, which it answers by the way: so late are its timers, too. */
const ASK_EVERY_MS = 200;
/** The supervisor's heartbeat: every 5 s, and at each change. */
const BEAT_MS = 5_000;
/** Until the reading process has started and read the database. */
const WARM_UP_MS = 3_000;

/** What was seen of one load. */
interface Seen {
  readonly ms: number;
  /** The processor time of all its processes. */
  readonly processorMs: number;
  /** How long the supervisor took to say that it is alive, each time. */
  readonly answers: readonly number[];
  /** How long a page took. */
  readonly pages: readonly number[];
  /** By how much each heartbeat came later than 5 s after the one before it. */
  readonly late: readonly number[];
}

/** **page**: a large file, with and without a hundred open pages. */
export async function page(context: Context): Promise<ScenarioResult> {
  const count = context.rows * 10;
  const universe = universeOf(context.rows);
  const file = transactionFile({ ...universe, from: 0, count });
  const runs: Record<'without' | 'with', Seen[]> = { without: [], with: [] };
  for (let round = 1; round <= context.repeat; round += 1) {
    // One after the other, in turns, so that what else the machine does falls on both.
    for (const kind of round % 2 === 1 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
      await measuring(context, `page: ${kind} open pages, round ${round} of ${context.repeat}`);
      runs[kind].push(await loadOnce(universe, file, kind === 'with'));
    }
  }
  const msOf = (seen: readonly Seen[]): number => median(seen.map(({ ms }) => ms));
  const usedBy = (seen: readonly Seen[]): number => median(seen.map(({ processorMs }) => processorMs));
  const [without, watched] = [msOf(runs.without), msOf(runs.with)];
  const all = (pick: (seen: Seen) => readonly number[]): number[] => runs.with.flatMap(pick);
  const answers = all((seen) => seen.answers);
  const late = all((seen) => seen.late);
  const pages = all((seen) => seen.pages);
  return {
    scenario: 'page',
    about:
      `${count.toLocaleString('en-US')} transactions from drop to commit in a running daemon, with and without --http, ${STREAMS} open event ` +
      `streams and a page a second; whoever looks runs on the same machine`,
    figures: [
      { what: 'without', ms: without, rowsPerSecond: (count / without) * 1000 },
      { what: 'with', ms: watched, rowsPerSecond: (count / watched) * 1000 },
      { what: 'without, processor time', ms: usedBy(runs.without) },
      { what: 'with, processor time', ms: usedBy(runs.with) },
      { what: 'a page, p50', ms: median(pages) },
      { what: 'a page, p99', ms: percentile(pages, 0.99) },
      { what: 'an answer of the supervisor, p50', ms: median(answers) },
    ],
    marks: [
      { what: 'load, with against without', value: watched / without, unit: '×', atMost: 1.05 },
      { what: 'an answer of the supervisor, p99', value: percentile(answers, 0.99), unit: 'ms', atMost: 200 },
      { what: 'heartbeat late, p99', value: percentile(late, 0.99), unit: 'ms', atMost: 200 },
    ],
  };
}

async function loadOnce(universe: ReturnType<typeof universeOf>, file: string, isWatched: boolean): Promise<Seen> {
  using work = workFolder();
  const parents = [
    { table: 'procedures', path: procedureFile(universe) },
    { table: 'visits', path: visitFile(universe) },
  ] as const;
  await landfall.load(`${work.path}/db.sqlite`, parents);
  const daemon = startDaemon(work.path, ['--settle', '0', ...(isWatched ? ['--http', `127.0.0.1:${PORT}`] : [])]);
  try {
    await answered('/health', isWatched);
    using watch = isWatched ? watchPage(daemon) : null;
    // The streams are open, and the database was read: what is measured is what looking costs, not the start of it.
    await watch?.opened;
    await setTimeout(WARM_UP_MS);
    const used = daemon.processorMs();
    const begun = performance.now();
    const ms = (await daemon.ingested(drop(daemon, file))) - begun;
    return {
      ms,
      processorMs: daemon.processorMs() - used,
      answers: watch?.answers ?? [],
      pages: watch?.pages ?? [],
      late: watch?.late() ?? [],
    };
  } finally {
    await daemon.stop();
  }
}

/** Waits until the page is served, or as long without it. */
async function answered(path: string, isServed: boolean): Promise<void> {
  for (let at = 0; at < 100; at += 1) {
    if (isServed && (await timed(path)) !== null) return;
    await setTimeout(isServed ? 100 : 10);
  }
}

/** Asks for a path. @returns how long the whole answer took, ms; null: there was none */
async function timed(path: string): Promise<number | null> {
  const begun = performance.now();
  return await new Promise((resolve) => {
    const request: ClientRequest = get({ host: '127.0.0.1', port: PORT, path }, (response) => {
      response.resume();
      response.on('end', () => {
        resolve(performance.now() - begun);
      });
    });
    request.on('error', () => {
      resolve(null);
    });
  });
}

interface Watch extends Disposable {
  /** Ends when every stream was told of the page. */
  readonly opened: Promise<unknown>;
  readonly answers: number[];
  readonly pages: number[];
  late(): number[];
}

function watchPage(daemon: Daemon): Watch {
  const answers: number[] = [];
  const pages: number[] = [];
  const beats = new Set<number>();
  const note = (to: number[], path: string): void => {
    void timed(path).then((ms) => {
      if (ms !== null) to.push(ms);
    });
  };
  const opened: Promise<null>[] = [];
  const streams = Array.from({ length: STREAMS }, () => {
    const first = Promise.withResolvers<null>();
    opened.push(first.promise);
    const request = get({ host: '127.0.0.1', port: PORT, path: '/events', agent: false }, (response) =>
      response.on('data', () => {
        first.resolve(null);
      }),
    );
    return request.on('error', () => undefined);
  });
  const timers = [
    setInterval(note, ASK_EVERY_MS, answers, '/health'),
    setInterval(note, PAGE_EVERY_MS, pages, '/'),
    setInterval(() => {
      const beat = readHeartbeat(daemon.database)?.beat;
      if (beat !== undefined) beats.add(Date.parse(beat));
    }, ASK_EVERY_MS),
  ];
  return {
    opened: Promise.all(opened),
    answers,
    pages,
    late() {
      const times = [...beats].sort((a, b) => a - b);
      return times.slice(1).map((time, at) => Math.max(0, time - (times[at] ?? time) - BEAT_MS));
    },
    [Symbol.dispose]() {
      for (const timer of timers) clearInterval(timer);
      for (const stream of streams) stream.destroy();
    },
  };
}
