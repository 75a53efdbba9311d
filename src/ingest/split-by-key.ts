import type { Value } from '../feed/types.ts';

/** A good row and its place in the file; the first value is its key. */
export interface KeyedRow {
  readonly line: number;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly values: readonly Value[];
}

/**
 * Splits rows into sets in which each key stands once; a key's later rows come in later sets, in line order.
 *
 * A merge takes each key once. Merging the sets one after the other gives what applying all rows singly in line order gives,
 * since rows of different keys do not touch each other and no parent changes while one dataset's file is read.
 */
export function splitByKey(rows: readonly KeyedRow[]): readonly (readonly KeyedRow[])[] {
  const timesSeen = new Map<Value, number>();
  const sets: KeyedRow[][] = [];
  for (const row of rows) {
    const key = row.values[0] ?? null;
    const times = timesSeen.get(key) ?? 0;
    timesSeen.set(key, times + 1);
    let set = sets[times];
    if (set === undefined) sets.push((set = []));
    set.push(row);
  }
  return sets;
}
