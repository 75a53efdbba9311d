import type { ClientBase } from 'pg';
import { checksOn } from '../check-sql.ts';
import type { FileEntry, FileTransaction, RowText } from '../store.ts';
import type { Author } from './author.ts';
import { type Checking, checkIncoming } from './checking.ts';
import { isAccepted } from './decisions.ts';
import { healAll } from './heal.ts';
import { completeFile, lastFormat, lastRowCounts, lastRowsEnd } from './ledger-entry.ts';
import type { Origin } from './merge.ts';
import { keepRejects } from './rejects.ts';
import { stagingTables } from './scratch.ts';
import type { WhileItWorks } from './server-work.ts';
import { createStagedRows, NO_ROWS } from './staged-rows.ts';

/**
 * Begins the load of a file that is entered in the ledger, inside a transaction that the caller begins and ends.
 *
 * Where other daemons serve the feed, all rows are staged before the first is merged: its lock, under which they wait, is taken as late as
 * can be. One that is alone merges a part while the next one is read.
 * @param run this run of the program; null: a rehearsal
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
  run: string | null,
  whileItWorks: WhileItWorks,
): FileTransaction {
  const { feed } = author;
  const { dataset } = entry;
  const origin: Origin = { fileId, stamp: entry.stamp, now: entry.startedAt.toISOString() };
  const stage = stagingTables(feed, dataset);
  const onIncoming = checksOn(checking.checks, dataset, 'incoming');
  // A check sees all rows of the file before the first is merged.
  const inPartsBy = onIncoming.length === 0 ? run : null;
  const rows = createStagedRows({ client, feed, dataset, stage, origin, rowText, inPartsBy });

  return {
    fileId,
    async load(batch, onPart) {
      await rows.add(batch);
      if (!(await rows.isDue())) return NO_ROWS;
      const loaded = await whileItWorks(onPart, () => rows.merge(onPart));
      await rows.clear();
      return loaded;
    },
    reject: (refused) => keepRejects(client, fileId, dataset.name, refused),
    async checkIncoming(stop) {
      if (onIncoming.length > 0) await rows.make();
      return await checkIncoming(client, dataset, stage, onIncoming, { stop, cancel: checking.cancel });
    },
    endRows: (onPart) => whileItWorks(onPart, () => rows.merge(onPart)),
    heal: (onChunk) =>
      rows.mayHeal
        ? whileItWorks(onChunk, () => healAll(client, feed, dataset, origin, onChunk))
        : Promise.resolve({ healed: 0, refused: 0 }),
    lastFormat: () => lastFormat(client, dataset.name),
    lastRowsEnd: () => lastRowsEnd(client, entry),
    lastRowCounts: (most) => lastRowCounts(client, entry, most),
    isAccepted: (code) => isAccepted(client, entry, code),
    complete: (totals, now) => completeFile(client, author, fileId, entry, totals, now),
  };
}
