import type { ClientBase } from 'pg';
import type { Search } from '../reader.ts';
import type { Session } from './session.ts';

/** A page has so many rows, … */
const PAGE_ROWS = 200;
/** … or about so many characters in them: how long the next rows are is guessed from those before. */
const PAGE_CHARACTERS = 1024 * 1024;

/** How a long list is read. */
export interface Paging<Row> {
  readonly session: Session;
  readonly operation: string;
  /** Called in the transaction of the first page: what is wrong with the database. */
  readonly check: (client: ClientBase) => Promise<void>;
  /** Reads on behind a row (null: from the start), at most so many rows. */
  readonly read: (client: ClientBase, after: Row | null, most: number) => Promise<readonly Row[]>;
  /** About how many characters a row holds, where it may hold many. */
  readonly sizeOf?: (row: Row) => number;
  /** How long the list may get; null: no bound. */
  readonly most: number | null;
}

/**
 * Reads a long list a page at a time, each page in a transaction of its own, so that whoever takes the rows may be slow: a
 * transaction that is held by a pager that stands still would keep the server from cleaning up. As `read` goes on behind a key
 * that never changes, no row comes twice.
 */
export async function* inPages<Row>(paging: Paging<Row>): AsyncGenerator<Row, void> {
  const { session, operation, sizeOf = () => 0 } = paging;
  let left = paging.most ?? Infinity;
  let after: Row | null = null;
  let rows = PAGE_ROWS;
  let isFirst = true;
  while (left > 0) {
    const behind: Row | null = after;
    const asked = Math.min(left, rows);
    const check = isFirst ? paging.check : undefined;
    const page: readonly Row[] = await session.transaction(operation, 'snapshot', async (client) => {
      await check?.(client);
      return await paging.read(client, behind, asked);
    });
    yield* page;
    if (page.length < asked) return;
    isFirst = false;
    after = page.at(-1) ?? null;
    left -= page.length;
    const mean = page.reduce((sum, row) => sum + sizeOf(row), 0) / page.length;
    rows = Math.max(1, Math.min(PAGE_ROWS, Math.floor(PAGE_CHARACTERS / Math.max(1, mean))));
  }
}

/** An id that no entry has: a list begins before it. */
export const BEYOND = Number.MAX_SAFE_INTEGER;

/** The values of `SEARCHED`; null: not asked for. */
export function searchValues({ states, codes, name, since }: Search): readonly unknown[] {
  const list = (words: readonly string[]) => (words.length === 0 ? null : words);
  return [list(states), list(codes), name, since];
}
