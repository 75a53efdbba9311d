import type { ClientBase } from 'pg';
import { checksOn } from '../check-sql.ts';
import { quoteName } from '../sql-names.ts';
import type { FileEntry, FileTransaction, LoadedRows, RowText } from '../store.ts';
import type { Author } from './author.ts';
import { type Checking, checkIncoming } from './checking.ts';
import { copyInto } from './copy.ts';
import { insertDirectly } from './direct-insert.ts';
import { healAll } from './heal.ts';
import { isAccepted } from './decisions.ts';
import { completeFile, lastFormat, lastRowCounts, lastRowsEnd, lockFeed } from './ledger-entry.ts';
import { lookedUpSingly } from './lookups.ts';
import { mergeSql } from './merge-sql.ts';
import { mergeIncoming } from './merge-incoming.ts';
import type { Merging, Origin } from './merge.ts';
import { keepRejects } from './rejects.ts';
import type { WhileItWorks } from './server-work.ts';
import { CREATE_SCRATCH, stagingTables } from './scratch.ts';

const NO_ROWS: LoadedRows = { inserted: 0, updated: 0, unchanged: 0, stale: 0, waitingLines: [], refused: [] };

/**
 * Begins the load of a file that is entered in the ledger, inside a transaction that the caller begins and ends.
 *
 * All rows are staged before the first is merged: the feed's lock, under which other files of it wait, is taken as late as can be.
 * @param whileItWorks has it told now and then that the server is at work, which takes minutes where a file is large or another one
 *   has the lock
 */
export function createFileTransaction(
  client: ClientBase,
  author: Author,
  checking: Checking,
  fileId: number,
  entry: FileEntry,
  rowText: RowText,
  whileItWorks: WhileItWorks,
): FileTransaction {
  const { feed } = author;
  const { dataset } = entry;
  const origin: Origin = { fileId, stamp: entry.stamp, now: entry.startedAt.toISOString() };
  const stage = stagingTables(feed, dataset);
  const columns = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  let staged = 0;
  let isMade = false;
  let isMerged = false;
  const makeIncoming = async (): Promise<void> => {
    if (!isMade) await client.query(stage.createIncoming);
    isMade = true;
  };
  const incoming = `${stage.incoming} (_seq, _byte_offset, _byte_length, ${columns})`;

  return {
    fileId,
    async load({ sets }) {
      for (const { count, rows } of sets) {
        if (count === 0) continue;
        await makeIncoming();
        await copyInto(client, incoming, rows);
        staged += count;
      }
      return NO_ROWS;
    },
    reject: (rows) => keepRejects(client, fileId, dataset.name, rows),
    async checkIncoming(stop) {
      const onIncoming = checksOn(checking.checks, dataset, 'incoming');
      if (onIncoming.length > 0) await makeIncoming();
      return await checkIncoming(client, dataset, stage, onIncoming, { stop, cancel: checking.cancel });
    },
    endRows: (onPart) =>
      whileItWorks(onPart, async () => {
        if (staged === 0) {
          await lockFeed(client, feed);
          return NO_ROWS;
        }
        const singly = await lookedUpSingly(client, feed, dataset, stage, staged);
        const sql = mergeSql(feed, dataset, stage, singly);
        const merging: Merging = { client, dataset, stage, singly, sql, origin, staged: 0 };
        if (await insertDirectly(merging, feed, staged)) return { ...NO_ROWS, inserted: staged };
        isMerged = true;
        await client.query(`${CREATE_SCRATCH}; ${stage.createMerging}`);
        return await mergeIncoming(merging, feed, rowText, onPart);
      }),
    // Nothing waits for rows that went in directly.
    heal: (onChunk) =>
      isMerged
        ? whileItWorks(onChunk, () => healAll(client, feed, dataset, origin, onChunk))
        : Promise.resolve({ healed: 0, refused: 0 }),
    lastFormat: () => lastFormat(client, dataset.name),
    lastRowsEnd: () => lastRowsEnd(client, entry),
    lastRowCounts: (most) => lastRowCounts(client, entry, most),
    isAccepted: (code) => isAccepted(client, entry, code),
    complete: (totals, now) => completeFile(client, author, fileId, entry, totals, now),
  };
}
