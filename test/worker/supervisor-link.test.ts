import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { STARTING, type Work } from '../../src/model/work.ts';
import type { FromWorker } from '../../src/worker/messages.ts';
import { createTeller } from '../../src/worker/supervisor-link.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** Tells these one after the other, a second apart; gives what the supervisor hears. */
function heardOf(told: readonly Work[]): unknown[] {
  const heard: FromWorker[] = [];
  const tell = createTeller((message) => heard.push(message));
  for (const work of told) {
    tell(work);
    vi.advanceTimersByTime(1000);
  }
  return heard.map((message) => (message.kind === 'work' ? message.work : message));
}

const idle: Work = { ...STARTING, doing: 'idle' };
const ingesting: Work = { ...STARTING, doing: 'ingesting' };

test('a worker at rest does not wake its supervisor to say the same again', () => {
  const emptied = { ...idle, wal: { bytes: 4096, pinned: false } };
  expect(heardOf([idle, { ...idle }, emptied, { ...emptied }])).toEqual([idle, emptied]);
});

test('a worker at work says the same again, as a sign that it goes on (P7)', () => {
  expect(heardOf([ingesting, { ...ingesting }, idle, ingesting])).toEqual([ingesting, ingesting, idle, ingesting]);
});
