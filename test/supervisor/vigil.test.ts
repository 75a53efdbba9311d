import { describe, expect, test } from 'vitest';
import type { Activity } from '../../src/supervisor/activity.ts';
import type { Work } from '../../src/model/work.ts';
import { PATIENCE } from '../../src/status/health.ts';
import { createVigil, type Vigil } from '../../src/supervisor/vigil.ts';

const LOOK_MS = 5_000;

interface Watched {
  readonly vigil: Vigil;
  /** Looks every 5 s for so many seconds, while the process answers or not. */
  readonly watch: (
    seconds: number,
    process: { answers: boolean; activity: (at: number) => Partial<Activity> | null },
  ) => void;
}

function watched(doing: Work['doing']): Watched {
  let now = 0;
  const vigil = createVigil(PATIENCE, () => now);
  vigil.begin();
  vigil.told(doing);
  return {
    vigil,
    watch(seconds, { answers, activity }) {
      for (const end = now + seconds * 1_000; now < end;) {
        now += LOOK_MS;
        if (answers) vigil.answered();
        const seen = activity(now);
        vigil.look(seen === null ? null : { bytes: 0n, cpuMs: 0, runs: false, waitsForDisk: false, ...seen });
      }
    },
  };
}

const IDLE = (): Partial<Activity> => ({});
/** It has a processor for itself, and does nothing but compute. */
const COMPUTES = (at: number): Partial<Activity> => ({ runs: true, cpuMs: at });

describe('P7: inside a file', () => {
  test.each([
    ['a process that answers and says nothing', true, IDLE],
    ['one that computes', false, COMPUTES],
    ['one that sleeps', false, IDLE],
  ])('%s is found hung within a minute, not before 50 s', (_, answers, activity) => {
    const { vigil, watch } = watched('ingesting');
    watch(50, { answers, activity });
    expect(vigil.isWell()).toBe(true);
    watch(10, { answers, activity });
    expect(vigil.isWell()).toBe(false);
  });

  test.each([
    ['reads or writes', (at: number) => ({ bytes: BigInt(at), runs: true, cpuMs: at })],
    ['waits for a disk', () => ({ waitsForDisk: true })],
  ])('a long statement that %s is left to its work, up to an hour', (_, activity) => {
    const { vigil, watch } = watched('ingesting');
    watch(3_600, { answers: false, activity });
    expect(vigil.isWell()).toBe(true);
    watch(5, { answers: false, activity });
    expect(vigil.isWell()).toBe(false);
  });

  test('a process that gets a tenth of a processor has ten times as long', () => {
    const { vigil, watch } = watched('ingesting');
    const activity = (at: number): Partial<Activity> => ({ runs: true, cpuMs: at / 10 });
    watch(450, { answers: false, activity });
    expect(vigil.isWell()).toBe(true);
    watch(100, { answers: false, activity });
    expect(vigil.isWell()).toBe(false);
  });

  test('what a process that answers has read is no sign: the pings themselves are read', () => {
    const { vigil, watch } = watched('ingesting');
    watch(60, { answers: true, activity: (at) => ({ bytes: BigInt(at) }) });
    expect(vigil.isWell()).toBe(false);
  });

  test('each step that is told begins anew', () => {
    const { vigil, watch } = watched('ingesting');
    for (let step = 0; step < 100; step++) {
      watch(45, { answers: false, activity: COMPUTES });
      vigil.told('ingesting');
      expect(vigil.isWell()).toBe(true);
    }
  });

  test('where the system tells nothing, a statement may take ten minutes', () => {
    const { vigil, watch } = watched('ingesting');
    watch(600, { answers: false, activity: () => null });
    expect(vigil.isWell()).toBe(true);
    watch(5, { answers: false, activity: () => null });
    expect(vigil.isWell()).toBe(false);
  });
});

test.each([
  ['idle', 30],
  ['listing', 600],
  ['starting', 3_600],
] as const)('%s: %i s without an answer are too many', (doing, seconds) => {
  const { vigil, watch } = watched(doing);
  watch(seconds, { answers: false, activity: IDLE });
  expect(vigil.isWell()).toBe(true);
  watch(5, { answers: false, activity: IDLE });
  expect(vigil.isWell()).toBe(false);
});

test.each(['idle', 'starting'] as const)('%s: answers are enough, for ever', (doing) => {
  const { vigil, watch } = watched(doing);
  watch(100_000, { answers: true, activity: IDLE });
  expect(vigil.isWell()).toBe(true);
});

test('on its way out a process is left to whoever has told it to stop', () => {
  const { vigil, watch } = watched('stopping');
  watch(100_000, { answers: false, activity: IDLE });
  expect(vigil.isWell()).toBe(true);
});

test('P7: the time in which whoever looks was itself stopped, or the machine slept, does not count', () => {
  let now = 0;
  const vigil = createVigil(PATIENCE, () => now);
  vigil.begin();
  const silentAfter = (ms: number): number => {
    now += ms;
    vigil.look(null);
    return vigil.silentMs();
  };
  expect([silentAfter(5_000), silentAfter(5_000), silentAfter(10_000)]).toEqual([5_000, 10_000, 20_000]);
  expect(silentAfter(3_600_000)).toBe(0);
  expect([silentAfter(5_000), silentAfter(5_000)]).toEqual([5_000, 10_000]);
});
