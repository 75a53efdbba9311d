import { describe, expect, test } from 'vitest';
import { createSettler, type Clock } from '../../src/landing/settle.ts';
import type { FileStat } from '../../src/model/ledger.ts';

const NOW = Date.parse('2026-08-10T12:00:00Z');
const SECOND = 1_000;

function at(monotonic: number, wall = NOW + monotonic): Clock {
  return { monotonic, wall };
}

function stat(changes: Partial<FileStat> & { age?: number } = {}): FileStat {
  const { age = 0, ...rest } = changes;
  const time = BigInt(NOW - age) * 1_000_000n;
  return { bytes: 10, mtimeNs: time, ctimeNs: time, inode: 1n, ...rest };
}

function file(changes: Partial<FileStat> & { age?: number; name?: string } = {}): { name: string; stat: FileStat } {
  const { name = 'a', ...rest } = changes;
  return { name, stat: stat(rest) };
}

describe('P1: a file is taken once it has stopped growing', () => {
  test('it has settled once it was the same for the settle time since it was first seen so', () => {
    const settler = createSettler({ settleMs: 2_000, believeTimes: false });
    expect(settler.look([file()], at(0))).toEqual({ settled: [], unsettled: [file()], nextLookMs: 2_000 });
    expect(settler.look([file()], at(1_500))).toMatchObject({ settled: [], nextLookMs: 500 });
    expect(settler.look([file()], at(2_000))).toEqual({ settled: [file()], unsettled: [], nextLookMs: null });
  });

  test.each([
    ['size', { bytes: 11 }],
    ['time of change', { mtimeNs: 5n * 10n ** 18n }],
    ['inode change time', { ctimeNs: 5n * 10n ** 18n }],
    ['inode', { inode: 2n }],
  ])('a new %s starts the time anew', (_, change) => {
    const settler = createSettler({ settleMs: 2_000, believeTimes: false });
    settler.look([file()], at(0));
    expect(settler.look([file(change)], at(1_999))).toMatchObject({ settled: [], nextLookMs: 2_000 });
    expect(settler.look([file(change)], at(3_998)).settled).toEqual([]);
    expect(settler.look([file(change)], at(3_999)).settled).toHaveLength(1);
  });

  test('a file that comes back after it was gone starts anew', () => {
    const settler = createSettler({ settleMs: 2_000, believeTimes: false });
    settler.look([file()], at(0));
    settler.look([], at(1_000));
    expect(settler.look([file()], at(2_500)).settled).toEqual([]);
  });

  test('each file has its own time; the next look is when the first has settled', () => {
    const settler = createSettler({ settleMs: 2_000, believeTimes: false });
    settler.look([file()], at(0));
    const look = settler.look([file(), file({ name: 'b' })], at(1_200));
    expect(look).toMatchObject({ settled: [], nextLookMs: 800 });
    expect(settler.look([file(), file({ name: 'b' })], at(2_000))).toMatchObject({
      settled: [{ name: 'a' }],
      unsettled: [{ name: 'b' }],
      nextLookMs: 1_200,
    });
  });

  test('with 0 every file is taken at once', () => {
    expect(createSettler({ settleMs: 0, believeTimes: false }).look([file()], at(0)).settled).toHaveLength(1);
  });

  test('its own times do not shorten the wait: with a clock that is ahead, a file that is being written looks old', () => {
    const settler = createSettler({ settleMs: 2_000, believeTimes: false });
    expect(settler.look([file({ age: 3_600 * SECOND })], at(0)).settled).toEqual([]);
    expect(settler.look([file({ age: 3_600 * SECOND })], at(2_000)).settled).toHaveLength(1);
  });

  test('where times are believed, those that are both older than a minute, and than the settle time, do', () => {
    const believing = (settleMs: number) => createSettler({ settleMs, believeTimes: true });
    const settled = (settleMs: number, age: number) =>
      believing(settleMs).look([file({ age: age * SECOND })], at(0)).settled.length;
    expect([settled(2_000, 61), settled(2_000, 59)]).toEqual([1, 0]);
    expect([settled(600 * SECOND, 601), settled(600 * SECOND, 61)]).toEqual([1, 0]);
  });

  test.each([
    ['an old mtime on a file that has just been moved in', { mtimeNs: 0n }],
    ['an mtime in the future', { mtimeNs: BigInt(NOW + 3_600_000) * 1_000_000n, age: 7_200_000 }],
    ['a ctime in the future (the clock was set back)', { ctimeNs: BigInt(NOW + 3_600_000) * 1_000_000n, age: 7_200_000 }],
  ])('%s does not shorten the wait, nor does it block', (_, change) => {
    const settler = createSettler({ settleMs: 2_000, believeTimes: false });
    expect(settler.look([file(change)], at(0)).settled).toEqual([]);
    expect(settler.look([file(change)], at(2_000)).settled).toHaveLength(1);
  });

  test('a wall clock that jumps back an hour changes nothing', () => {
    const settler = createSettler({ settleMs: 2_000, believeTimes: false });
    settler.look([file()], at(0));
    expect(settler.look([file()], at(2_000, NOW - 3_600_000)).settled).toHaveLength(1);
  });
});
