import type { RowPlace, RowText } from '../store.ts';
import { PLACE_NUMBERS } from './jsonb-rows.ts';

/** The rows of the file in hand that are staged and not merged yet: where each stands in its file. */
export interface PendingRows {
  /** Where a pending row stands. */
  place(line: number): RowPlace;
  /** A pending row exactly as sent. */
  raw(line: number): string | Uint8Array;
  /** Forgets the rows of the file before. */
  begin(rowText: RowText): void;
  /** Adds rows: line, byte offset and byte length of each, one after the other, by ascending line; higher lines than before. */
  add(places: Float64Array): void;
  /** How many rows are pending. */
  count(): number;
  clear(): void;
}

/** None yet. */
export function createPendingRows(): PendingRows {
  let textOf: RowText = () => '';
  let places = new Float64Array(0);
  let used = 0;
  const find = (line: number): number => {
    let low = 0;
    let high = used / PLACE_NUMBERS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((places[middle * PLACE_NUMBERS] ?? Infinity) < line) low = middle + 1;
      else high = middle;
    }
    if (low * PLACE_NUMBERS >= used || places[low * PLACE_NUMBERS] !== line)
      throw new Error('the line asked for is not one of the pending rows');
    return low * PLACE_NUMBERS;
  };
  return {
    // Copied: the memory of what is added is used again for other rows.
    add(more) {
      if (used + more.length > places.length) {
        const larger = new Float64Array(Math.max(places.length * 2, used + more.length));
        larger.set(places.subarray(0, used));
        places = larger;
      }
      places.set(more, used);
      used += more.length;
    },
    count: () => used / PLACE_NUMBERS,
    clear() {
      used = 0;
    },
    begin(rowText) {
      textOf = rowText;
      used = 0;
    },
    place(line) {
      const at = find(line);
      return { line, byteOffset: places[at + 1] ?? 0, byteLength: places[at + 2] ?? 0 };
    },
    raw(line) {
      const at = find(line);
      return textOf(places[at + 1] ?? 0, places[at + 2] ?? 0);
    },
  };
}
