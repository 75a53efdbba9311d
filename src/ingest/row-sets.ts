import type { Value } from '../feed/types.ts';
import { type Allocate, type JsonbRows, createJsonbRows } from '../store/staged-rows.ts';

/** Rows of distinct keys, which are merged together. */
export interface RowSet {
  /** JSONB: an array of arrays, each a row's line and then the dataset's values. */
  readonly rows: Uint8Array<ArrayBuffer>;
  /** Line, byte offset and byte length of each row, one after the other. */
  readonly places: Float64Array<ArrayBuffer>;
}

/** A row's place in its file. */
export interface RowPlace {
  readonly line: number;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Collects good rows into sets in which each key stands once; a key's later rows come in later sets, in line order. */
export interface RowSets {
  /** @param values of the dataset's columns, the key first; not kept */
  add(place: RowPlace, values: readonly Value[]): void;
  /** Rows collected since the last `take`. */
  readonly count: number;
  /** The sets, to be merged one after the other; begins anew. */
  take(): readonly RowSet[];
}

interface Open {
  readonly rows: JsonbRows;
  places: number[];
}

/**
 * Makes an empty collection.
 *
 * A merge takes each key once. Merging the sets one after the other gives what applying all rows singly in line order gives,
 * since rows of different keys do not touch each other and no parent changes while one dataset's file is read.
 * @param allocate where the sets' memory comes from
 */
export function createRowSets(allocate: Allocate): RowSets {
  const sets: Open[] = [];
  const timesSeen = new Map<Value, number>();
  let count = 0;
  let used = 0;
  return {
    add({ line, byteOffset, byteLength }, values) {
      const key = values[0] ?? null;
      const times = timesSeen.get(key) ?? 0;
      timesSeen.set(key, times + 1);
      let set = sets[times];
      if (set === undefined) sets.push((set = { rows: createJsonbRows(), places: [] }));
      set.rows.add(line, values);
      set.places.push(line, byteOffset, byteLength);
      used = Math.max(used, times + 1);
      count++;
    },
    get count() {
      return count;
    },
    take() {
      const taken = sets.slice(0, used).map((set) => {
        const { length } = set.places;
        const places = new Float64Array(allocate(length * Float64Array.BYTES_PER_ELEMENT), 0, length);
        places.set(set.places);
        set.places = [];
        return { rows: set.rows.take(allocate), places };
      });
      // A file that says one key a thousand times needs a thousand sets; the next one hardly does.
      sets.length = Math.min(sets.length, 2);
      timesSeen.clear();
      count = 0;
      used = 0;
      return taken;
    },
  };
}
