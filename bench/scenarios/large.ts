/** The scenarios of one very large file: what it takes in memory, and whether the daemon is there meanwhile. */
import { DgramSocket } from 'node-unix-socket';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CACHE_MIB, landfall, LAUNCHER, workFolder, type TableFile } from '../contenders.ts';
import type { Context } from '../context.ts';
import { drop, startDaemon } from '../daemon.ts';
import { procedureFile, transactionFile, visitFile } from '../generate.ts';
import { measureProcess } from '../process.ts';
import { median, percentile, type Figure, type Mark, type ScenarioResult } from '../report.ts';
import { measuring, universeOf } from './load.ts';

/** So many transactions for each of `--rows` make 1 GiB of a million. */
const LARGE_TIMES = 11.2;

function largeFile(context: Context): { parents: TableFile[]; large: TableFile; rows: number } {
  const universe = universeOf(context.rows);
  const rows = Math.round(context.rows * LARGE_TIMES);
  return {
    rows,
    parents: [
      { table: 'procedures', path: procedureFile(universe) },
      { table: 'visits', path: visitFile(universe) },
    ],
    large: { table: 'transactions', path: transactionFile({ ...universe, from: 0, count: rows }) },
  };
}

/** **size**: the memory that one large file takes. */
export async function size(context: Context): Promise<ScenarioResult> {
  const { parents, large, rows } = largeFile(context);
  const mib = statSync(large.path).size / 2 ** 20;
  using work = workFolder();
  const database = join(work.path, 'db.sqlite');
  await landfall.load(database, parents);
  await measuring(context, `size: a file of ${Math.round(mib)} MiB`);
  const { ms, peakMib } = await landfall.load(database, [large]);
  return {
    scenario: 'size',
    about: `one file of ${Math.round(mib).toLocaleString('en-US')} MiB, ${rows.toLocaleString('en-US')} rows, with \`once\``,
    figures: [{ what: 'landfall', rowsPerSecond: (rows / ms) * 1000, ms, peakMib }],
    marks: [
      {
        what: `peak memory above the page cache of ${CACHE_MIB} MiB`,
        value: peakMib - CACHE_MIB,
        unit: 'MiB',
        atMost: 256,
      },
    ],
  };
}

/** How often the daemon is asked to ping the watchdog, ms. */
const PING_MS = 50;

/** **presence**: whether signals, watchdog and status are answered while a large file loads. */
export async function presence(context: Context): Promise<ScenarioResult> {
  const { parents, large } = largeFile(context);
  using work = workFolder();
  await landfall.load(join(work.path, 'db.sqlite'), parents);
  using manager = serviceManager();
  const daemon = startDaemon(work.path, ['--settle', '0'], {
    NOTIFY_SOCKET: manager.path,
    WATCHDOG_USEC: String(PING_MS * 3000),
  });
  const statuses: number[] = [];
  const late: number[] = [];
  await manager.next('READY=1');
  await measuring(context, 'presence: a large file loads');
  drop(daemon, large.path);
  await sleep(1000 * Math.min(1, context.rows / 1_000_000));
  const until = performance.now() + 30_000 * Math.min(1, context.rows / 1_000_000);
  const from = manager.heard.length;
  do {
    const { ms } = await measureProcess(process.execPath, [
      LAUNCHER,
      ...['status', '--json', '--landing', daemon.landing, '--db', daemon.database],
    ]);
    statuses.push(ms);
  } while (performance.now() < until);
  const pings = manager.heard.slice(from).filter((each) => each.text.includes('WATCHDOG=1'));
  for (const [at, ping] of pings.entries()) {
    const before = pings[at - 1];
    if (before !== undefined) late.push(Math.max(0, ping.at - before.at - PING_MS));
  }
  const asked = performance.now();
  const stopped = daemon.stop();
  const heard = await manager.next('STOPPING=1');
  const stopMs = await stopped;
  const bare = await measureProcess(process.execPath, ['-e', '0']);

  const marks: Mark[] = [
    { what: 'watchdog pings late by, p99', value: percentile(late, 0.99), unit: 'ms', atMost: 200 },
    { what: 'SIGTERM answered after', value: heard - asked, unit: 'ms', atMost: 200 },
    { what: 'status, the whole command, p99', value: percentile(statuses, 0.99), unit: 'ms', atMost: 150 },
  ];
  const figures: Figure[] = [
    {
      what: 'status p50',
      ms: median(statuses),
      note: `${statuses.length} times, the whole command; Node alone ${Math.round(bare.ms)} ms`,
    },
    { what: 'status p99', ms: percentile(statuses, 0.99) },
    { what: 'watchdog late p50', ms: median(late), note: `${late.length} pings, one every ${PING_MS} ms` },
    { what: 'watchdog late, longest', ms: Math.max(...late) },
    { what: 'SIGTERM to exit', ms: stopMs, note: 'the file in hand is given up' },
  ];
  return { scenario: 'presence', about: 'while the large file loads in the daemon', figures, marks };
}

interface ServiceManager extends Disposable {
  /** The socket's path. */
  readonly path: string;
  readonly heard: { readonly text: string; readonly at: number }[];
  /** Waits for a message that holds a text and was not heard before the call; gives when it came, as performance.now(). */
  next(text: string): Promise<number>;
}

/** Listens as systemd does: one datagram a message (sd_notify(3)). */
function serviceManager(): ServiceManager {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-'));
  const path = join(folder, 'notify');
  const socket = new DgramSocket();
  const heard: { text: string; at: number }[] = [];
  let wake: (() => void) | null = null;
  socket.on('data', (data: Buffer) => {
    heard.push({ text: data.toString(), at: performance.now() });
    wake?.();
  });
  socket.bind(path);
  return {
    path,
    heard,
    async next(text) {
      const from = heard.length;
      for (;;) {
        const found = heard.slice(from).find((each) => each.text.includes(text));
        if (found !== undefined) return found.at;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    [Symbol.dispose]() {
      socket.close();
      rmSync(folder, { recursive: true });
    },
  };
}
