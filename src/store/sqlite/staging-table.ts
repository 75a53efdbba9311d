import type Database from 'better-sqlite3';
import type { Dataset } from '../../model/feed.ts';
import type { Range } from './savepoint.ts';
import { rowKeyOf } from './row-key.ts';
import { quoteName } from '../sql-names.ts';
import { stageName } from './scratch.ts';
import { type JsonbRows, jsonbRowsSql } from './jsonb-rows.ts';

/** The temporary table that rows of a dataset are staged in, and where they are held while they are merged in parts. */
export interface StagingTable {
  /** Adds rows; their keys are distinct from those that are there. */
  fill(rows: JsonbRows): void;
  clear(): void;
  /** Takes a row out that a constraint refuses; gives its key. */
  takeOut(line: number): string;
  /** Takes all rows out of the stage, to be put back in parts; gives the last line. */
  hold(): number;
  /** Puts back the held rows of some lines, and nothing else. */
  restore(lines: Range): void;
  /** The key of a held row. */
  keyOf(line: number): string;
  clearHeld(): void;
}

/** Prepares the staging of a dataset's rows. */
export function createStagingTable(db: Database.Database, dataset: Dataset): StagingTable {
  const stage = stageName('fresh', dataset);
  const held = stageName('held', dataset);
  const names = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const { line, values, from } = jsonbRowsSql(dataset);
  const fill = db.prepare<[JsonbRows]>(`INSERT INTO ${stage} (_seq, ${names}) SELECT ${line}, ${values} FROM ${from}`);
  const clear = db.prepare(`DELETE FROM ${stage}`);
  const stagedKey = db
    .prepare<[number], string>(`SELECT ${rowKeyOf(dataset, 's')} FROM ${stage} s WHERE _seq = ?`)
    .pluck();
  const takeOut = db.prepare<[number]>(`DELETE FROM ${stage} WHERE _seq = ?`);
  const hold = db.prepare(`INSERT INTO ${held} SELECT * FROM ${stage}`);
  const last = db.prepare<[], number>(`SELECT coalesce(max(_seq), 0) FROM ${held}`).pluck();
  const restore = db.prepare<[number, number]>(
    `INSERT INTO ${stage} SELECT * FROM ${held} WHERE _seq > ? AND _seq <= ?`,
  );
  const keyOf = db.prepare<[number], string>(`SELECT ${rowKeyOf(dataset, 'h')} FROM ${held} h WHERE _seq = ?`).pluck();
  const clearHeld = db.prepare(`DELETE FROM ${held}`);
  return {
    fill: (rows) => void fill.run(rows),
    clear: () => void clear.run(),
    takeOut(line) {
      const key = stagedKey.get(line) ?? '';
      takeOut.run(line);
      return key;
    },
    hold() {
      clearHeld.run();
      hold.run();
      return last.get() ?? 0;
    },
    restore({ from, to }) {
      clear.run();
      restore.run(from, to);
    },
    keyOf: (line) => keyOf.get(line) ?? '',
    clearHeld: () => void clearHeld.run(),
  };
}
