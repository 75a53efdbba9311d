import type { Dataset } from '../../model/feed.ts';
import type { Healed, RejectedRow, RowText } from '../store.ts';
import { createRejectWriter } from './ledger-entry.ts';
import { type DatasetWriter, createDatasetWriter, prepareMerging } from './dataset-writer.ts';
import type { Origin } from './merge.ts';
import type { OpenDatabase } from './open.ts';
import { type PendingRows, createPendingRows } from './pending-rows.ts';
import { type FreedRows, SCRATCH } from './scratch.ts';

/** Puts rows into the tables of a feed, one file after the other, each inside a transaction that the caller begins and ends. */
export interface FeedWriter {
  /** Forgets the file before: nothing is pending, and nothing freed. */
  begin(rowText: RowText): FreedRows;
  of(dataset: Dataset): DatasetWriter;
  /** The rows of the file in hand that are staged. */
  readonly pending: PendingRows;
  reject(fileId: number, dataset: string, row: RejectedRow): void;
  /** Admits what waited for rows of a dataset that this file brought, and what waited for that in turn. */
  heal(dataset: Dataset, origin: Origin, freed: FreedRows, onChunk: () => Promise<void>): Promise<Healed>;
}

/** Prepares the statements: preparing them anew for each file would cost more than a small file. */
export function createFeedWriter(database: OpenDatabase): FeedWriter {
  const { db, feed } = database;
  const pending = createPendingRows();
  prepareMerging(db, pending);
  const clearFreed = db.prepare(`DELETE FROM ${SCRATCH.freed}`);
  const writers = new Map(feed.datasets.map((dataset) => [dataset.table, createDatasetWriter(database, dataset)]));
  const of = (dataset: Dataset): DatasetWriter => {
    const writer = writers.get(dataset.table);
    if (writer === undefined) throw new Error('every dataset of the feed has its writer');
    return writer;
  };
  return {
    begin(rowText) {
      pending.begin(rowText);
      clearFreed.run();
      return { table: SCRATCH.freed };
    },
    of,
    pending,
    reject: createRejectWriter(db),
    async heal(dataset, origin, freed, onChunk) {
      const sum = { healed: 0, refused: 0 };
      // Parents stand before children: what heals in one dataset has freed its children before their turn comes.
      for (const child of feed.datasets.slice(feed.datasets.indexOf(dataset) + 1)) {
        const { healed, refused } = await of(child).healer.run(origin, freed, onChunk);
        sum.healed += healed;
        sum.refused += refused;
      }
      return sum;
    },
  };
}
