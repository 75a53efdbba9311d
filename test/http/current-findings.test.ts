import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createCurrentFindings, type CurrentFindings } from '../../src/http/current-findings.ts';
import type { Ask, Findings } from '../../src/findings/questions.ts';
import { LandfallError } from '../../src/model/errors.ts';

/** A database whose answers take as long as the test says. */
interface Asked {
  readonly current: CurrentFindings;
  /** When it was asked, in ms since the test began. */
  readonly at: number[];
  /** How often its answers were told. */
  changes: number;
  takesMs: number;
  problem: string | null;
  watched: boolean;
}

function open(): Asked {
  const asked: Asked = { current: undefined as never, at: [], changes: 0, takesMs: 10, problem: null, watched: false };
  const ask = (async () => {
    asked.at.push(performance.now());
    const { takesMs, problem } = asked;
    await new Promise((resolve) => setTimeout(resolve, takesMs));
    if (problem !== null) throw new LandfallError('read database', problem);
    return { ms: takesMs } as Findings;
  }) as unknown as Ask;
  const current = createCurrentFindings({
    ask,
    now: () => new Date(),
    monotonic: () => performance.now(),
    days: 14,
    onChange: () => (asked.changes += 1),
    isWatched: () => asked.watched,
  });
  return Object.assign(asked, { current });
}

describe('what is known of the database', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('P7: who asks waits no longer than he says, and is then told what is known', async () => {
    const asked = open();
    asked.takesMs = 5_000;
    const begun = performance.now();
    const waited = asked.current.refresh(400);
    await vi.advanceTimersByTimeAsync(400);
    await waited;
    expect(performance.now() - begun).toBe(400);
    expect(asked.current.get()).toEqual({ findings: null, at: null, problem: null });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked.current.get().findings).toEqual({ ms: 5_000 });
    expect(asked.changes).toBe(1);
  });

  test('P7: however often something happens, and whoever looks, at most a twentieth of the time is spent on asking', async () => {
    const asked = open();
    asked.takesMs = 200;
    asked.watched = true;
    for (let at = 0; at < 600; at += 1) {
      asked.current.outdate();
      void asked.current.refresh(0);
      await vi.advanceTimersByTimeAsync(100);
    }
    // A minute: each answer takes 200 ms, and the next question comes 4 s after it, but 1 s after the first.
    expect(asked.at.length).toBeGreaterThanOrEqual(15);
    expect(asked.at.length).toBeLessThanOrEqual(16);
    asked.current.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.at.length).toBeLessThanOrEqual(16);
  });

  test('the first answer, for which the reading process starts and loads what it needs, does not put off the next one', async () => {
    const asked = open();
    asked.takesMs = 3_000;
    void asked.current.refresh(0);
    await vi.advanceTimersByTimeAsync(4_000);
    asked.current.outdate();
    void asked.current.refresh(0);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(asked.at).toEqual([0, 4_000]);
    asked.current.outdate();
    void asked.current.refresh(0);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(asked.at).toHaveLength(2);
  });

  test('what another program has written, as `accept` does, is seen within seconds; nobody asks where nobody looks', async () => {
    const asked = open();
    const look = async (): Promise<void> => {
      const waited = asked.current.refresh(400);
      await vi.advanceTimersByTimeAsync(1_000);
      await waited;
    };
    for (let at = 0; at < 120; at += 1) await look();
    const gaps = asked.at.slice(1).map((at, before) => at - (asked.at[before] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5_000);
    const before = asked.at.length;
    asked.current.outdate();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(asked.at.length).toBe(before);
    await look();
    expect(asked.at.length).toBe(before + 1);
  });

  test('keeps what was known where the database cannot be asked, says why, and tries again soon', async () => {
    const asked = open();
    const look = async (): Promise<void> => {
      const waited = asked.current.refresh(400);
      await vi.advanceTimersByTimeAsync(6_000);
      await waited;
    };
    await look();
    asked.problem = 'it is locked';
    asked.current.outdate();
    await look();
    expect(asked.current.get()).toMatchObject({ findings: { ms: 10 }, problem: 'it is locked' });
    asked.problem = null;
    await look();
    expect(asked.current.get()).toMatchObject({ findings: { ms: 10 }, problem: null });
    expect(asked.at.length).toBe(3);
  });
});
