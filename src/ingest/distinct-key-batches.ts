import { rowKey } from '../feed/keys.ts';
import type { Value } from '../columns/column-type.ts';
import type { Allocate, RowBatch, RowEncoder, RowPlace } from '../store/store.ts';

/** Rows in sets of distinct keys: all first sets since the last end may be merged together, after them all second sets, and so on. */
export type KeyedRows = Pick<RowBatch, 'sets' | 'ends'>;

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

/**
 * Makes an empty collection.
 *
 * A merge takes each key once. Merging the sets one after the other gives what applying all rows singly in line order gives,
 * since rows of different keys do not touch each other and no parent changes while one dataset's file is read. Where a table has a
 * unique index besides its key, rows of different keys do touch each other: which of two it refuses may then be the other one.
 * @param createEncoder makes what lays out one set
 * @param allocate where the sets' memory comes from
 * @param keyPlaces which of the values are the key
 */
export function createRowSets(
  createEncoder: () => RowEncoder,
  allocate: Allocate,
  keyPlaces: readonly number[] = [0],
): RowSets {
  const [firstPlace = 0] = keyPlaces;
  const keyOf = (values: readonly Value[]): Value =>
    keyPlaces.length === 1 ? (values[firstPlace] ?? null) : rowKey(keyPlaces.map((place) => values[place] ?? null));
  const sets: RowEncoder[] = [];
  const timesSeen = new Map<Value, number>();
  let count = 0;
  let rowsSinceEnd = 0;
  let bytesSinceEnd = 0;
  return {
    add(place, values) {
      const key = keyOf(values);
      const times = timesSeen.get(key) ?? 0;
      timesSeen.set(key, times + 1);
      let set = sets[times];
      if (set === undefined) sets.push((set = createEncoder()));
      set.add(place, values);
      bytesSinceEnd += place.byteLength;
      count++;
    },
    get count() {
      return count;
    },
    get isFull() {
      return sets.length >= MOST_SETS;
    },
    take() {
      const taken = sets.map((set) => set.take(allocate));
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
