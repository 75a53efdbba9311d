import { asFault } from './faults.ts';
import type { Search } from '../reader.ts';

/** A page is full with so many rows (few, since what lives longer than a moment makes V8's young generation grow), … */
const MOST_ROWS = 50;
/** … or with so much in them, by what `sizeOf` says of each. */
const MOST_BYTES = 256 * 1024;

/** How a long list is read. */
export interface Paging<Row> {
  /** Reads on behind a row (null: from the start), at most so many rows. */
  readonly read: (after: Row | null, most: number) => Iterable<Row>;
  /** About how many bytes of text a row holds, where it may hold much. */
  readonly sizeOf?: (row: Row) => number;
  /** How long the list may get; null: no bound. */
  readonly most: number | null;
}

/**
 * Reads a long list a page at a time, each page in a transaction of its own, so that whoever takes the rows may be slow: a
 * transaction that is held by a pager that stands still would keep the write-ahead log from being emptied.
 * So a row is shown as it stands when its page is read. As `read` goes on behind a key that never changes, no row comes twice.
 */
export function* inPages<Row>({ read, sizeOf = () => 0, most }: Paging<Row>): Generator<Row, void> {
  let left = most ?? Infinity;
  let after: Row | null = null;
  while (left > 0) {
    const asked = Math.min(left, MOST_ROWS);
    const page: Row[] = [];
    let bytes = 0;
    for (const row of read(after, asked)) {
      page.push(row);
      bytes += sizeOf(row);
      if (bytes >= MOST_BYTES) break;
    }
    yield* page;
    if (page.length < asked && bytes < MOST_BYTES) return;
    after = page.at(-1) ?? null;
    left -= page.length;
  }
}

/** An id that no entry has: a list begins before it. */
export const BEYOND = Number.MAX_SAFE_INTEGER;

/** What a search binds; null: not asked for. */
export function parametersOf({ states, codes, name, since }: Search): object {
  const list = (words: readonly string[]) => (words.length === 0 ? null : JSON.stringify(words));
  return { states: list(states), codes: list(codes), name, since };
}

/** A list at the door: begun when its first row is asked for, and a fault of the database where it fails. */
export function asList<Row>(operation: string, file: string, begin: () => Iterable<Row>): AsyncIterable<Row> {
  function* guarded(): Generator<Row, void> {
    try {
      yield* begin();
    } catch (error) {
      throw asFault(operation, file, error);
    }
  }
  const rows = guarded();
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.try(() => rows.next()),
      return: () => Promise.try(() => rows.return()),
    }),
  };
}
