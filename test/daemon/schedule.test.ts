import { expect, onTestFinished, test, vi } from 'vitest';
import { startSchedule } from '../../src/daemon/schedule.ts';

const MINUTE = 60_000;

test('is due by the clock, and again within its time after the clock was set back an hour', async () => {
  vi.useFakeTimers({ now: Date.parse('2026-08-10T12:00:30Z') });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let due = 0;
  let monotonic = 0;
  const schedule = startSchedule({
    expression: '* * * * *',
    onDue: () => {
      due += 1;
    },
    onTrouble: () => undefined,
    wall: () => Date.now(),
    monotonic: () => monotonic,
  });
  onTestFinished(() => {
    schedule.stop();
  });
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      monotonic += 5_000;
      await vi.advanceTimersByTimeAsync(5_000);
      schedule.check();
    }
  };
  await pass(3 * MINUTE);
  expect(due).toBe(3);
  vi.setSystemTime(Date.now() - 60 * MINUTE);
  await pass(3 * MINUTE);
  // One more at once, since the clock was set.
  expect(due).toBe(7);
});
