import { expect, test } from 'vitest';
import { createRowEncoder } from '../../src/store/row-encoder.ts';
import { createRowSets } from '../../src/ingest/distinct-key-batches.ts';

const allocate = (bytes: number): ArrayBuffer => new ArrayBuffer(bytes);

/** Adds rows with keys of their own until an end is made; gives how many that took. */
function rowsToEnd(byteLength: number): number {
  const sets = createRowSets(() => createRowEncoder('sqlite'), allocate);
  for (let line = 1; ; line++) {
    sets.add({ line, byteOffset: line * byteLength, byteLength }, [`K${line}`]);
    if (line % 100 === 0 && sets.take().ends) return line;
  }
}

test('an end is made after so many rows, and after fewer where they are long: keys must not hold a whole file in memory', () => {
  expect(rowsToEnd(100)).toBe(60_000);
  expect(rowsToEnd(2_000)).toBe(8_400);
  expect(rowsToEnd(1024 * 1024)).toBe(100);
});

test('a key that comes back goes into the next set, also in later takes, until an end is made', () => {
  const sets = createRowSets(() => createRowEncoder('sqlite'), allocate);
  const add = (line: number, key: string): void => {
    sets.add({ line, byteOffset: line, byteLength: 1 }, [key]);
  };
  const lines = (): number[][] => sets.take().sets.map(({ places }) => [...places].filter((_, at) => at % 3 === 0));
  add(1, 'a');
  add(2, 'b');
  add(3, 'a');
  expect(lines()).toEqual([[1, 2], [3]]);
  add(4, 'c');
  add(5, 'b');
  expect(lines()).toEqual([[4], [5]]);
  for (let line = 6; !sets.isFull; line++) add(line, 'd');
  expect(sets.count).toBe(16);
  expect(sets.take().ends).toBe(true);
  add(99, 'a');
  expect(lines()).toEqual([[99]]);
});
