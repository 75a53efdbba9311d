import type { Encoding } from '../feed/types.ts';
import type { RowFinder } from '../store/dataset-writer.ts';
import type { Source } from './source.ts';

/** Finds the rows of the set in hand in their file. */
export interface SetFinder extends RowFinder {
  byteLength(line: number): number;
  /** Line, byte offset and byte length of each row, one after the other, by ascending line. */
  use(places: Float64Array): void;
}

/** A finder of rows in a source; the set in hand is told with `use`. */
export function createSetFinder(source: Source, encoding: Encoding): SetFinder {
  let places: Float64Array = new Float64Array(0);
  const find = (line: number): number => {
    let low = 0;
    let high = places.length / 3;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((places[middle * 3] ?? Infinity) < line) low = middle + 1;
      else high = middle;
    }
    if (places[low * 3] !== line) throw new Error('the line asked for is not one of the set in hand');
    return low * 3;
  };
  return {
    use(next) {
      places = next;
    },
    byteOffset: (line) => places[find(line) + 1] ?? 0,
    byteLength: (line) => places[find(line) + 2] ?? 0,
    raw(line) {
      const at = find(line);
      return source.row(places[at + 1] ?? 0, places[at + 2] ?? 0, encoding);
    },
  };
}
