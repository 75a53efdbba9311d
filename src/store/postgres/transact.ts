import type { ClientBase } from 'pg';
import type { FileEntry, FileTransaction, Quarantine, RowText } from '../store.ts';
import { createFileTransaction } from './file-transaction.ts';
import { type Author, enterFile, enterQuarantined } from './ledger-entry.ts';

/**
 * Runs `work` in one transaction: what it did is committed as a whole, or rolled back with what it throws.
 * Nothing else may use the connection meanwhile.
 * @returns what `work` gives
 */
export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  // A default of the role or the database must not decide: a snapshot taken before the feed's lock would miss what others committed.
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET CONSTRAINTS ALL IMMEDIATE');
  try {
    const result = await work();
    const { command } = await client.query('COMMIT');
    // After a statement that failed, COMMIT rolls back and says so without an error.
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back instead of committed');
    return result;
  } catch (error) {
    // Where the connection is gone, so is the transaction; what ended it says more.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** As `Store.transact`, on a connection. */
export async function transact<T>(
  client: ClientBase,
  author: Author,
  entry: FileEntry,
  rowText: RowText,
  work: (transaction: FileTransaction) => Promise<T>,
): Promise<T> {
  return await inTransaction(client, async () => {
    const fileId = await enterFile(client, author, entry);
    return await work(await createFileTransaction(client, author, fileId, entry, rowText));
  });
}

/** As `Store.quarantine`, on a connection. */
export async function quarantine(
  client: ClientBase,
  author: Author,
  entry: FileEntry,
  refusal: Quarantine,
): Promise<number> {
  return await inTransaction(client, () => enterQuarantined(client, author, entry, refusal));
}
