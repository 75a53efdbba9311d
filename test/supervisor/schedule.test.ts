import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startSchedule } from '../../src/supervisor/schedule.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

const EVERY_MINUTE = '* * * * *';

interface Driven {
  /** Moves time on. */
  readonly pass: (ms: number) => Promise<void>;
  /** Sets the wall clock. No time passes. */
  readonly setClock: (ms: number) => void;
  /** The moments at which it was due since this was last asked, in ms. */
  readonly due: () => number[];
}

/** A schedule whose time only the test moves, in a time zone of the machine. */
function drive(expression: string, start: string, zone = 'UTC'): Driven {
  vi.stubEnv('TZ', zone);
  vi.useFakeTimers({ now: Date.parse(start) });
  const due: number[] = [];
  const schedule = startSchedule({ expression, onDue: () => due.push(Date.now()), wall: () => Date.now() });
  onTestFinished(() => {
    schedule.stop();
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });
  return {
    pass: async (ms) => {
      await vi.advanceTimersByTimeAsync(ms);
    },
    setClock: (ms) => {
      vi.setSystemTime(ms);
    },
    due: () => due.splice(0),
  };
}

describe.each([
  ['America/New_York', '2026-11-01T03:00:00Z', '2026-03-08T04:00:00Z'],
  ['Europe/Berlin', '2026-10-24T22:00:00Z', '2026-03-28T22:00:00Z'],
  // Its clock moves by half an hour.
  ['Australia/Lord_Howe', '2026-04-04T12:00:00Z', '2026-10-03T12:00:00Z'],
])('P7: in the night when the clock is changed in %s', (zone, back, forth) => {
  test.each([
    ['back', back],
    ['forth', forth],
  ])('%s, the folder is listed every minute', async (_, start) => {
    const { pass, due } = drive(EVERY_MINUTE, start, zone);
    expect(new Date(Date.parse(start) + 6 * HOUR).getTimezoneOffset()).not.toBe(new Date(start).getTimezoneOffset());
    await pass(6 * HOUR);
    expect(due()).toEqual(Array.from({ length: 360 }, (_, minute) => Date.parse(start) + (minute + 1) * MINUTE));
  });

  test.each([back, forth])('from %s on, a time of the day is met once a day', async (start) => {
    const { pass, due } = drive('30 2 * * *', start, zone);
    await pass(48 * HOUR);
    const first = Date.parse(`${new Date(Date.parse(start) + 21.5 * HOUR).toISOString().slice(0, 10)}T02:30:00Z`);
    expect(due()).toEqual([first, first + 24 * HOUR]);
  });
});

describe('P7: when the wall clock is set', () => {
  const START = '2026-08-10T12:00:30Z';

  test.each([
    ['an hour back', -HOUR],
    ['eight hours forth (the machine slept)', 8 * HOUR],
    ['ten years back', -10 * YEAR],
    ['thirty years forth', 30 * YEAR],
  ])('%s, the folder is listed within a minute, and then every minute', async (_, ms) => {
    const { pass, due, setClock } = drive(EVERY_MINUTE, START);
    await pass(3 * MINUTE);
    expect(due()).toHaveLength(3);
    setClock(Date.now() + ms);
    await pass(MINUTE);
    expect(due().length).toBeGreaterThan(0);
    await pass(10 * MINUTE);
    expect(due()).toHaveLength(10);
  });

  test.each([['* * * * * *'], [EVERY_MINUTE]])(
    'thirty years forth just before %s is due, it is due once',
    async (expression) => {
      const { pass, due, setClock } = drive(expression, '2026-08-10T12:00:59.500Z');
      setClock(Date.now() + 30 * YEAR);
      await pass(500);
      expect(due()).toHaveLength(1);
    },
  );

  test.each([
    ['past', '2026-08-10T03:30:00Z'],
    ['back before', '2026-08-10T00:30:00Z'],
  ])('%s a time of the day, the folder is listed within a minute, and then when that time comes', async (_, time) => {
    const { pass, due, setClock } = drive('0 3 * * *', '2026-08-10T01:00:00Z');
    setClock(Date.parse(time));
    await pass(MINUTE);
    expect(due()).toHaveLength(1);
    await pass(24 * HOUR);
    expect(due().map((moment) => new Date(moment).toISOString().slice(11))).toEqual(['03:00:00.000Z']);
  });
});

test('stopped, it is due no more', async () => {
  vi.useFakeTimers({ now: 0 });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const onDue = vi.fn();
  startSchedule({ expression: EVERY_MINUTE, onDue, wall: () => Date.now() }).stop();
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(onDue).not.toHaveBeenCalled();
});
