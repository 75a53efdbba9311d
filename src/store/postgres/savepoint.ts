import type { ClientBase } from 'pg';
import { isRefusal } from './refusal.ts';

/**
 * Runs `work` inside the running transaction; where the database refuses a row of it, all it did is undone.
 * @returns what `work` gives, or null where it was refused; every other error passes, for the caller to roll back
 */
export async function unlessRefused<T extends object>(client: ClientBase, work: () => Promise<T>): Promise<T | null> {
  await client.query('SAVEPOINT work');
  try {
    const done = await work();
    await client.query('RELEASE SAVEPOINT work');
    return done;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT work; RELEASE SAVEPOINT work');
    return null;
  }
}

/** Rows by number: those after `from`, up to and including `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Does `work` on a range of rows; where the database refuses it, on one half after the other, down to the rows that it refuses:
 * they cost only themselves (P7).
 * @param accept takes what `work` gave where it was not refused
 * @param refuse takes the number of a row that is refused by itself
 */
export async function halveRefused<T extends object>(
  client: ClientBase,
  range: Range,
  work: (range: Range) => Promise<T>,
  accept: (done: T) => Promise<void>,
  refuse: (row: number) => Promise<void>,
): Promise<void> {
  const done = await unlessRefused(client, () => work(range));
  if (done !== null) {
    await accept(done);
    return;
  }
  const { from, to } = range;
  if (to - from === 1) {
    await refuse(to);
    return;
  }
  const middle = Math.floor((from + to) / 2);
  await halveRefused(client, { from, to: middle }, work, accept, refuse);
  await halveRefused(client, { from: middle, to }, work, accept, refuse);
}
