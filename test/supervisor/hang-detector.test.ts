import { describe, expect, test } from 'vitest';
import type { Work } from '../../src/model/work.ts';
import { createHangDetector, PATIENCE, type HangDetector } from '../../src/supervisor/hang-detector.ts';
import type { ProcessStats } from '../../src/supervisor/process-stats.ts';

const LOOK_MS = 5_000;

interface Watched {
  readonly detector: HangDetector;
  /** Looks every 5 s for so many seconds, while the process answers or not. */
  readonly watch: (
    seconds: number,
    process: { answers: boolean; stats: (at: number) => Partial<ProcessStats> | null },
  ) => void;
}

function watched(doing: Work['doing']): Watched {
  let now = 0;
  const detector = createHangDetector(PATIENCE, () => now);
  detector.begin();
  detector.told(doing);
  return {
    detector,
    watch(seconds, { answers, stats }) {
      for (const end = now + seconds * 1_000; now < end;) {
        now += LOOK_MS;
        if (answers) detector.answered();
        const seen = stats(now);
        detector.look(() =>
          seen === null ? null : { bytes: 0n, cpuMs: 0, runs: false, waitsForDisk: false, ...seen },
        );
      }
    },
  };
}

const IDLE = (): Partial<ProcessStats> => ({});
/** It has a processor for itself, and does nothing but compute. */
const COMPUTES = (at: number): Partial<ProcessStats> => ({ runs: true, cpuMs: at });

describe('P7: inside a file', () => {
  test.each([
    ['a process that answers and says nothing', true, IDLE],
    ['one that computes', false, COMPUTES],
    ['one that sleeps', false, IDLE],
  ])('%s is found hung within a minute, not before 50 s', (_, answers, stats) => {
    const { detector, watch } = watched('ingesting');
    watch(50, { answers, stats });
    expect(detector.isWell()).toBe(true);
    watch(10, { answers, stats });
    expect(detector.isWell()).toBe(false);
  });

  test.each([
    ['reads or writes', (at: number) => ({ bytes: BigInt(at), runs: true, cpuMs: at })],
    ['waits for a disk', () => ({ waitsForDisk: true })],
  ])('a long statement that %s is left to its work, up to an hour', (_, stats) => {
    const { detector, watch } = watched('ingesting');
    watch(3_600, { answers: false, stats });
    expect(detector.isWell()).toBe(true);
    watch(5, { answers: false, stats });
    expect(detector.isWell()).toBe(false);
  });

  test('a process that gets a tenth of a processor has ten times as long', () => {
    const { detector, watch } = watched('ingesting');
    const stats = (at: number): Partial<ProcessStats> => ({ runs: true, cpuMs: at / 10 });
    watch(450, { answers: false, stats });
    expect(detector.isWell()).toBe(true);
    watch(100, { answers: false, stats });
    expect(detector.isWell()).toBe(false);
  });

  test('what a process that answers has read is no sign: the pings themselves are read', () => {
    const { detector, watch } = watched('ingesting');
    watch(60, { answers: true, stats: (at) => ({ bytes: BigInt(at) }) });
    expect(detector.isWell()).toBe(false);
  });

  test('each step that is told begins anew', () => {
    const { detector, watch } = watched('ingesting');
    for (let step = 0; step < 100; step++) {
      watch(45, { answers: false, stats: COMPUTES });
      detector.told('ingesting');
      expect(detector.isWell()).toBe(true);
    }
  });

  test('where the system tells nothing, a statement may take ten minutes', () => {
    const { detector, watch } = watched('ingesting');
    watch(600, { answers: false, stats: () => null });
    expect(detector.isWell()).toBe(true);
    watch(5, { answers: false, stats: () => null });
    expect(detector.isWell()).toBe(false);
  });
});

test.each([
  ['idle', 30],
  ['listing', 600],
  ['starting', 3_600],
] as const)('%s: %i s without an answer are too many', (doing, seconds) => {
  const { detector, watch } = watched(doing);
  watch(seconds, { answers: false, stats: IDLE });
  expect(detector.isWell()).toBe(true);
  watch(5, { answers: false, stats: IDLE });
  expect(detector.isWell()).toBe(false);
});

test.each(['idle', 'starting'] as const)('%s: answers are enough, for ever', (doing) => {
  const { detector, watch } = watched(doing);
  watch(100_000, { answers: true, stats: IDLE });
  expect(detector.isWell()).toBe(true);
});

test('on its way out a process is left to whoever has told it to stop', () => {
  const { detector, watch } = watched('stopping');
  watch(100_000, { answers: false, stats: IDLE });
  expect(detector.isWell()).toBe(true);
});

test('P7: the time in which whoever looks was itself stopped, or the machine slept, does not count', () => {
  let now = 0;
  const detector = createHangDetector(PATIENCE, () => now);
  detector.begin();
  const silentAfter = (ms: number): number => {
    now += ms;
    detector.look(() => null);
    return detector.silentMs();
  };
  expect([silentAfter(5_000), silentAfter(5_000), silentAfter(10_000)]).toEqual([5_000, 10_000, 20_000]);
  expect(silentAfter(3_600_000)).toBe(0);
  expect([silentAfter(5_000), silentAfter(5_000)]).toEqual([5_000, 10_000]);
});

test('P7: nor does it count toward the hour in which a step must end: a stop over lunch is no crash of the file in hand', () => {
  let now = 0;
  const detector = createHangDetector(PATIENCE, () => now);
  detector.begin();
  detector.told('ingesting');
  for (const ms of [LOOK_MS, 7_200_000, LOOK_MS]) {
    now += ms;
    detector.look(() => ({ bytes: BigInt(now), cpuMs: now, runs: true, waitsForDisk: false }));
    expect(detector.isWell()).toBe(true);
  }
});

test('P7: a worker that answers and has nothing to do is not looked into; one that does not answer, or works, is', () => {
  let reads = 0;
  const read = (): null => {
    reads += 1;
    return null;
  };
  const detector = createHangDetector(PATIENCE, () => 0);
  detector.begin();
  detector.told('idle');
  detector.look(read);
  detector.answered();
  detector.look(read);
  expect(reads).toBe(0);
  detector.look(read);
  expect(reads).toBe(1);
  detector.told('ingesting');
  detector.answered();
  detector.look(read);
  expect(reads).toBe(2);
});
