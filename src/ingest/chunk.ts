import type { Value } from '../feed/types.ts';
import { STAGED_PREFIX } from '../store/stage.ts';

/** Rows that are merged together: as large as pays, small enough to keep memory and the pauses between them short. */
const CHUNK_ROWS = 20_000;
const CHUNK_BYTES = 16 * 1024 * 1024;

/**
 * Rows of distinct keys, laid end to end for the stage, and the later rows of keys that are already among them.
 *
 * A merge takes each key once. The later rows of a key are put off to the next merge, so that they meet the table as the
 * earlier one left it: the outcome is that of applying all rows singly in line order, since rows of different keys do not
 * touch each other and the parents do not change while one dataset's file is read.
 */
export interface Chunk {
  /** Adds a row: its place in the file, and its values with the key first. */
  add(line: number, byteOffset: number, byteLength: number, values: readonly Value[]): void;
  readonly full: boolean;
  /** Takes out the rows in runs of distinct keys, to be merged one after the other. */
  drain(): Iterable<readonly Value[]>;
}

/** An empty chunk for rows of `columns` values. */
export function createChunk(columns: number): Chunk {
  const width = STAGED_PREFIX + columns;
  let rows: Value[] = [];
  let repeated: Value[] = [];
  let keys = new Set<Value>();
  let count = 0;
  let bytes = 0;

  const split = (all: readonly Value[]) => {
    for (let at = 0; at < all.length; at += width) {
      const target = claim(all[at + STAGED_PREFIX] ?? null);
      for (let i = at; i < at + width; i++) target.push(all[i] ?? null);
    }
  };
  const claim = (key: Value): Value[] => {
    if (keys.has(key)) return repeated;
    keys.add(key);
    return rows;
  };
  const take = () => {
    const taken = rows;
    rows = [];
    keys = new Set();
    return taken;
  };

  return {
    add(line, byteOffset, byteLength, values) {
      const target = claim(values[0] ?? null);
      target.push(line, byteOffset, byteLength);
      for (const value of values) target.push(value);
      count++;
      bytes += byteLength;
    },
    get full() {
      return count >= CHUNK_ROWS || bytes >= CHUNK_BYTES;
    },
    *drain() {
      count = 0;
      bytes = 0;
      while (rows.length > 0) {
        const later = repeated;
        repeated = [];
        const taken = take();
        yield taken;
        split(later);
      }
    },
  };
}
