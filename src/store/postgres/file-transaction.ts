import type { ClientBase } from 'pg';
import { quoteName } from '../sqlite/schema.ts';
import type { FileEntry, FileTransaction, RowText } from '../store.ts';
import { copyInto } from './copy.ts';
import { healAll } from './heal.ts';
import { type Author, completeFile, lastFormat, lockFeed } from './ledger-entry.ts';
import { mergeSql } from './merge-sql.ts';
import { mergeIncoming } from './merge-incoming.ts';
import type { Merging, Origin } from './merge.ts';
import { keepRejects } from './rejects.ts';
import { CREATE_SCRATCH, SCRATCH, stagingTables } from './scratch.ts';

/** Line, byte offset and byte length of a row. */
const PLACE_STEP = 3;

/**
 * Begins the load of a file that is entered in the ledger, inside a transaction that the caller begins and ends.
 *
 * All rows are staged before the first is merged: the feed's lock, under which other files of it wait, is taken as late as can be.
 */
export async function createFileTransaction(
  client: ClientBase,
  author: Author,
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

  return {
    fileId,
    async load({ sets }) {
      for (const { rows, places } of sets) {
        await copyInto(client, `${stage.incoming} (_seq, ${columns})`, rows);
        await copyInto(client, SCRATCH.places, placeLines(places));
      }
      return { inserted: 0, updated: 0, unchanged: 0, stale: 0, waitingLines: [], refused: [] };
    },
    reject: (rows) => keepRejects(client, fileId, dataset.name, rows),
    async endRows() {
      await lockFeed(client, feed);
      return await mergeIncoming(merging, feed, rowText);
    },
    heal: (onChunk) => healAll(client, feed, dataset, origin, onChunk),
    lastFormat: () => lastFormat(client, dataset.name),
    complete: (totals, now) => completeFile(client, author, fileId, entry, totals, now),
  };
}

/** Places as the text format of COPY. */
function placeLines(places: Float64Array): string {
  let lines = '';
  for (let at = 0; at < places.length; at += PLACE_STEP)
    lines += `${places[at] ?? 0}\t${places[at + 1] ?? 0}\t${places[at + 2] ?? 0}\n`;
  return lines;
}
