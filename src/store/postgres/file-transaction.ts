import type { ClientBase } from 'pg';
import type { CheckFile } from '../../feed/sql-files.ts';
import { quoteName } from '../sql-names.ts';
import type { FileEntry, FileTransaction, RowText } from '../store.ts';
import type { Author } from './author.ts';
import { checkIncoming, checksOn } from './checking.ts';
import { copyInto } from './copy.ts';
import { healAll } from './heal.ts';
import { isAccepted } from './decisions.ts';
import { completeFile, lastFormat, lastRowCounts, lastRowsEnd, lockFeed } from './ledger-entry.ts';
import { mergeSql } from './merge-sql.ts';
import { mergeIncoming } from './merge-incoming.ts';
import type { Merging, Origin } from './merge.ts';
import { keepRejects } from './rejects.ts';
import { CREATE_SCRATCH, stagingTables } from './scratch.ts';

/**
 * Begins the load of a file that is entered in the ledger, inside a transaction that the caller begins and ends.
 *
 * All rows are staged before the first is merged: the feed's lock, under which other files of it wait, is taken as late as can be.
 */
export async function createFileTransaction(
  client: ClientBase,
  author: Author,
  checks: readonly CheckFile[],
  fileId: number,
  entry: FileEntry,
  rowText: RowText,
): Promise<FileTransaction> {
  const { feed } = author;
  const { dataset } = entry;
  const origin: Origin = { fileId, stamp: entry.stamp, now: entry.startedAt.toISOString() };
  const stage = stagingTables(feed, dataset);
  await client.query(CREATE_SCRATCH);
  await client.query(stage.create);
  const merging: Merging = { client, dataset, stage, sql: mergeSql(feed, dataset, stage), origin, staged: 0 };
  const columns = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const incoming = `${stage.incoming} (_seq, _byte_offset, _byte_length, ${columns})`;

  return {
    fileId,
    async load({ sets }) {
      for (const { rows } of sets) await copyInto(client, incoming, rows);
      return { inserted: 0, updated: 0, unchanged: 0, stale: 0, waitingLines: [], refused: [] };
    },
    reject: (rows) => keepRejects(client, fileId, dataset.name, rows),
    checkIncoming: (stop) => checkIncoming(client, dataset, stage, checksOn(checks, dataset, 'incoming'), stop),
    async endRows(onPart) {
      await lockFeed(client, feed);
      return await mergeIncoming(merging, feed, rowText, onPart);
    },
    heal: (onChunk) => healAll(client, feed, dataset, origin, onChunk),
    lastFormat: () => lastFormat(client, dataset.name),
    lastRowsEnd: () => lastRowsEnd(client, entry),
    lastRowCounts: (most) => lastRowCounts(client, entry, most),
    isAccepted: (code) => isAccepted(client, entry, code),
    complete: (totals, now) => completeFile(client, author, fileId, entry, totals, now),
  };
}
