import type { Value } from '../columns/column-type.ts';
import { type Allocate, type RowsBuilder, type StagedRows, createRowsBuilder } from '../store/sqlite/jsonb-rows.ts';

/** Rows of distinct keys, which are merged together. */
export interface RowSet {
  readonly rows: StagedRows;
  /** Line, byte offset and byte length of each row, one after the other. */
  readonly places: Float64Array<ArrayBuffer>;
}

/** How many numbers of `places` there are for each row. */
export const PLACE_NUMBERS = 3;

/** A row's place in its file. */
export interface RowPlace {
  readonly line: number;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Rows in sets of distinct keys: the first time that a key is said, the second time, and so on. */
export interface KeyedRows {
  /** All first sets since the last end may be merged together, after them all second sets, and so on. */
  readonly sets: readonly RowSet[];
  /** What comes next begins anew. */
  readonly ends: boolean;
}

/** Collects good rows. */
export interface RowSets {
  /** @param values of the dataset's columns, the key first; not kept */
  add(place: RowPlace, values: readonly Value[]): void;
  /** Rows collected since the last `take`. */
  readonly count: number;
  /** Whether what there is has to be taken before more is added. */
  readonly isFull: boolean;
  /** What was collected; begins anew. */
  take(): KeyedRows;
}

/** A key may be said so many times before an end is made. */
const MOST_SETS = 16;

/**
 * After so many rows or bytes of the file an end is made. More rows to sort would bring little, and cost memory and long pauses;
 * and a key that was cut out of a text keeps all of that text.
 */
const ROWS_TO_END = 60_000;
const BYTES_TO_END = 16 * 1024 * 1024;

interface Open {
  readonly rows: RowsBuilder;
  places: number[];
}

/**
 * Makes an empty collection.
 *
 * A merge takes each key once. Merging the sets one after the other gives what applying all rows singly in line order gives,
 * since rows of different keys do not touch each other and no parent changes while one dataset's file is read. Where a table has a
 * unique index besides its key, rows of different keys do touch each other: which of two it refuses may then be the other one.
 * @param allocate where the sets' memory comes from
 */
export function createRowSets(allocate: Allocate): RowSets {
  const sets: Open[] = [];
  const timesSeen = new Map<Value, number>();
  let count = 0;
  let rowsSinceEnd = 0;
  let bytesSinceEnd = 0;
  return {
    add({ line, byteOffset, byteLength }, values) {
      const key = values[0] ?? null;
      const times = timesSeen.get(key) ?? 0;
      timesSeen.set(key, times + 1);
      let set = sets[times];
      if (set === undefined) sets.push((set = { rows: createRowsBuilder(), places: [] }));
      set.rows.add(line, values);
      set.places.push(line, byteOffset, byteLength);
      bytesSinceEnd += byteLength;
      count++;
    },
    get count() {
      return count;
    },
    get isFull() {
      return sets.length >= MOST_SETS;
    },
    take() {
      const taken = sets.map((set) => {
        const { length } = set.places;
        const places = new Float64Array(allocate(length * Float64Array.BYTES_PER_ELEMENT), 0, length);
        places.set(set.places);
        set.places = [];
        return { rows: set.rows.take(allocate), places };
      });
      rowsSinceEnd += count;
      const ends = rowsSinceEnd >= ROWS_TO_END || bytesSinceEnd >= BYTES_TO_END || sets.length >= MOST_SETS;
      if (ends) {
        rowsSinceEnd = 0;
        bytesSinceEnd = 0;
        timesSeen.clear();
        sets.length = Math.min(sets.length, 1);
      }
      count = 0;
      return { sets: taken, ends };
    },
  };
}
