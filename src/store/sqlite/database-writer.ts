import type { Dataset } from '../../model/feed.ts';
import {
  type MergeResult,
  type DatasetWriter,
  type RowFinder,
  createDatasetWriter,
  prepareMerging,
} from './dataset-writer.ts';
import type { Healed } from './heal.ts';
import type { Origin } from './merge.ts';
import type { Store } from './open.ts';
import { type RejectedRow, createRejectWriter } from './rejects.ts';
import type { StagedRows } from './jsonb-rows.ts';

/** Puts the rows of one file into the database, inside a transaction that the caller begins and ends. See `DatasetWriter`. */
export interface DatabaseWriter {
  insertPlain(dataset: Dataset, rows: StagedRows, count: number, origin: Origin): boolean;
  stage(dataset: Dataset, rows: StagedRows): void;
  merge(dataset: Dataset, origin: Origin): MergeResult;
  reject(fileId: number, dataset: string, row: RejectedRow): void;
  /** Admits what waited for this file's rows, and what waited for that in turn. */
  heal(dataset: Dataset, origin: Origin, onChunk: () => Promise<void>): Promise<Healed>;
}

/** The prepared statements of an open database; preparing them anew for each file would cost more than a small file. */
interface Prepared {
  readonly writers: ReadonlyMap<string, DatasetWriter>;
  readonly reject: DatabaseWriter['reject'];
  readonly current: { finder: RowFinder };
  clearFreed(): void;
}

const preparedByStore = new WeakMap<Store, Prepared>();

/**
 * The writer for one file.
 * @param finder finds a row of the file, for the rows that have to be kept
 */
export function createDatabaseWriter(store: Store, finder: RowFinder): DatabaseWriter {
  const prepared = preparedByStore.get(store) ?? prepare(store);
  prepared.current.finder = finder;
  prepared.clearFreed();
  const writerOf = (dataset: Dataset): DatasetWriter => {
    const writer = prepared.writers.get(dataset.table);
    if (writer === undefined) throw new Error('every dataset of the feed has its writer');
    return writer;
  };
  return {
    insertPlain: (dataset, rows, count, origin) => writerOf(dataset).insertPlain(rows, count, origin),
    stage: (dataset, rows) => {
      writerOf(dataset).stage(rows);
    },
    merge: (dataset, origin) => writerOf(dataset).merge(origin),
    reject: prepared.reject,
    async heal(dataset, origin, onChunk) {
      const { datasets } = store.feed;
      const sum = { healed: 0, refused: 0 };
      // Parents stand before children: what heals in one dataset has freed its children before their turn comes.
      for (const child of datasets.slice(datasets.indexOf(dataset) + 1)) {
        const { healed, refused } = await writerOf(child).healer.run(origin, onChunk);
        sum.healed += healed;
        sum.refused += refused;
      }
      return sum;
    },
  };
}

function prepare(store: Store): Prepared {
  const current: Prepared['current'] = { finder: { byteOffset: () => 0, raw: () => '' } };
  prepareMerging(store.db, {
    byteOffset: (line) => current.finder.byteOffset(line),
    raw: (line) => current.finder.raw(line),
  });
  const clear = store.db.prepare('DELETE FROM temp._freed');
  const prepared: Prepared = {
    writers: new Map(store.feed.datasets.map((dataset) => [dataset.table, createDatasetWriter(store, dataset)])),
    reject: createRejectWriter(store.db),
    current,
    clearFreed: () => void clear.run(),
  };
  preparedByStore.set(store, prepared);
  return prepared;
}
