import { describe, expect, test } from 'vitest';
import { createEvents } from '../../src/model/events.ts';
import { logFaults } from '../../src/output/event-log.ts';
import type { Scan } from '../../src/worker/intake.ts';
import { createFaultBook, type FaultBook } from '../../src/status/faults.ts';
import { runLoop } from '../../src/worker/loop.ts';
import { createWaker, type Waker } from '../../src/worker/waker.ts';
import { FolderFault } from '../../src/landing/folder-fault.ts';
import { createLog } from '../../src/output/log.ts';
import { DatabaseFault, type FaultKind } from '../../src/store/database-fault.ts';

type Step = Scan | Error;

const REST: Scan = { wakeMs: null, open: 0, listMs: 0 };

interface Bench {
  readonly run: (until: 'stopped' | 'all taken', patienceMs?: number) => Promise<void>;
  readonly slept: { ms: number | null; heedPokes: boolean }[];
  readonly messages: () => string[];
  readonly scans: () => number;
  readonly stop: AbortController;
}

/** A loop over scans that the test lays out, with a waker that only notes how long it would sleep. */
function bench(steps: readonly Step[]): Bench {
  const stop = new AbortController();
  const slept: { ms: number | null; heedPokes: boolean }[] = [];
  let monotonic = 0;
  let scans = 0;
  const lines: string[] = [];
  const output = {
    write: (line: string) => void lines.push(line),
    isTTY: false,
    columns: 80,
    colour: false,
    journal: false,
    lossy: null,
  };
  const events = createEvents();
  logFaults(events, createLog({ logLevel: 'trace', logFormat: 'json' }, output, 1));
  const faults: FaultBook = createFaultBook(events, () => new Date(monotonic));
  const nextScan = (): Promise<Scan> => {
    const step = steps[scans];
    scans += 1;
    if (scans >= steps.length) stop.abort();
    if (step instanceof Error) return Promise.reject(step);
    return Promise.resolve(step ?? REST);
  };
  const waker: Waker = {
    poke: () => undefined,
    poked: () => false,
    clear: () => undefined,
    sleep: (ms, heedPokes) => {
      slept.push({ ms, heedPokes });
      monotonic += ms ?? 0;
      return Promise.resolve();
    },
  };
  return {
    slept,
    stop,
    scans: () => scans,
    messages: () => lines.map((line) => String((JSON.parse(line) as { msg: unknown }).msg)),
    run: (until, patienceMs) =>
      runLoop({
        scan: nextScan,
        waker,
        faults,
        until,
        stop: stop.signal,
        patienceMs: patienceMs ?? null,
        monotonic: () => monotonic,
      }),
  };
}

function fault(kind: FaultKind): DatabaseFault {
  return new DatabaseFault(kind, 'ingest', 'x.sqlite', null);
}

describe('P7: a fault of the database backs off the loop', () => {
  test('longer each time up to 10 s, whatever pokes come; its begin and its end are logged once', async () => {
    const full = Array.from({ length: 8 }, () => fault('full'));
    const loop = bench([...full, REST, REST]);
    await loop.run('stopped');
    const waits = loop.slept.filter((sleep) => sleep.ms !== null && sleep.ms > 20);
    expect(waits.map((sleep) => sleep.ms)).toEqual([250, 500, 1000, 2000, 4000, 8000, 10000, 10000]);
    expect(waits.some((sleep) => sleep.heedPokes)).toBe(false);
    const message = 'x.sqlite: no room left (free space on the disk of the database)';
    expect(loop.messages()).toEqual([message, `over: ${message}`]);
  });

  test('a scan that only waits for files, and writes nothing, does not end it', async () => {
    const waiting = { ...REST, open: 1, wakeMs: 100 };
    const loop = bench([fault('full'), waiting, fault('full'), waiting, REST, REST]);
    await loop.run('stopped');
    const message = 'x.sqlite: no room left (free space on the disk of the database)';
    expect(loop.messages()).toEqual([message, `over: ${message}`]);
  });

  test('only up to 1 s where another program holds the write lock', async () => {
    const loop = bench([...Array.from({ length: 4 }, () => fault('busy')), REST]);
    await loop.run('stopped');
    expect(loop.slept.slice(0, 4).map((sleep) => sleep.ms)).toEqual([250, 500, 1000, 1000]);
  });

  test.each(['full', 'io', 'readonly'] as const)('%s passes', async (kind) => {
    const loop = bench([fault(kind), REST]);
    await loop.run('stopped');
    expect(loop.scans()).toBe(2);
  });

  test('a damaged database stops it', async () => {
    const loop = bench([fault('corrupt'), REST]);
    await expect(loop.run('stopped')).rejects.toThrow('verify');
    expect(loop.scans()).toBe(1);
    expect(loop.messages()).toEqual([]);
  });

  test('a folder that is gone is waited for, and a poke is heeded', async () => {
    const loop = bench([new FolderFault('/landing', 'ENOENT', null), REST]);
    await loop.run('stopped');
    expect(loop.slept[0]).toEqual({ ms: 250, heedPokes: true });
    expect(loop.messages()[0]).toContain('/landing does not exist');
  });

  test('with a patience the fault is an error once it has lasted longer', async () => {
    const loop = bench(Array.from({ length: 20 }, () => fault('busy')));
    await expect(loop.run('all taken', 5_000)).rejects.toThrow('write lock');
    expect(loop.scans()).toBeLessThan(10);
  });

  test('an error of the program itself is not waited out', async () => {
    const loop = bench([new TypeError('x'), REST]);
    await expect(loop.run('stopped')).rejects.toThrow(TypeError);
  });
});

test('all taken: ends when nothing is left that comes by itself', async () => {
  const loop = bench([
    { wakeMs: 5, open: 2, listMs: 0 },
    { wakeMs: 0, open: 1, listMs: 0 },
    { ...REST, wakeMs: 5_000 },
    REST,
  ]);
  await loop.run('all taken');
  expect(loop.scans()).toBe(3);
});

test('between two listings lies three times what one takes, also under a swarm of pokes', async () => {
  const loop = bench([{ wakeMs: null, open: 0, listMs: 400 }, REST]);
  await loop.run('stopped');
  expect(loop.slept).toEqual([
    { ms: 1_200, heedPokes: false },
    { ms: null, heedPokes: true },
    { ms: 20, heedPokes: false },
    { ms: null, heedPokes: true },
  ]);
});

test('a file that settles sooner than that is not late', async () => {
  const loop = bench([{ wakeMs: 300, open: 1, listMs: 400 }, REST]);
  await loop.run('stopped');
  expect(loop.slept[0]).toEqual({ ms: 300, heedPokes: false });
});

test('the waker wakes on a poke, keeps one that came before or was not heeded, and ends with the stop', async () => {
  const stop = new AbortController();
  const waker = createWaker(stop.signal);
  waker.poke();
  await waker.sleep(null, true);
  waker.clear();
  const sleeping = waker.sleep(null, true);
  waker.poke();
  await sleeping;
  expect(waker.poked()).toBe(true);
  const begun = performance.now();
  await waker.sleep(20, false);
  expect(performance.now() - begun).toBeGreaterThan(15);
  expect(waker.poked()).toBe(true);
  waker.clear();
  const last = waker.sleep(null, true);
  stop.abort();
  await last;
  await waker.sleep(null, true);
});
