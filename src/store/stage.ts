import type Database from 'better-sqlite3';
import type { Dataset } from '../feed/types.ts';
import { quoteName } from './schema.ts';

/**
 * Rows of distinct keys in one piece, as JSONB: an array of arrays, each a row's line and then the dataset's values.
 * One bound value for thousands of rows costs less than a dozen for each.
 */
export type StagedRows = Uint8Array;

export interface Stage {
  fill(rows: StagedRows): void;
  /** The rows one by one, each as rows to stage. */
  split(rows: StagedRows): readonly { readonly line: number; readonly key: string; readonly rows: Uint8Array }[];
}

/** Prepares the staging of a dataset's rows: `seq` is a row's line. */
export function createStage(db: Database.Database, dataset: Dataset, stage: string): Stage {
  const names = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const values = dataset.columns.map((_, index) => `e.value ->> ${index + 1}`).join(', ');
  const fill = db.prepare<[StagedRows]>(
    `INSERT INTO ${stage} (seq, ${names}) SELECT e.value ->> 0, ${values} FROM jsonb_each(?) e`,
  );
  const split = db.prepare<[StagedRows], ReturnType<Stage['split']>[number]>(
    'SELECT e.value ->> 0 AS line, e.value ->> 1 AS key, jsonb_array(jsonb(e.value)) AS "rows" FROM jsonb_each(?) e',
  );
  return {
    fill: (rows) => void fill.run(rows),
    split: (rows) => split.all(rows),
  };
}
