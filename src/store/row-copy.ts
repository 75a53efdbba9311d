import type { Value } from '../columns/column-type.ts';
import type { ReadColumn, Snapshot } from './snapshot.ts';

/** A new database of rows that come from elsewhere, as a file of SQLite. */
export interface RowCopy extends Pick<Snapshot, 'rows' | 'totals'> {
  /** @param key the columns by which rows are told apart; none: it has no key */
  createTable(name: string, columns: readonly ReadColumn[], key: readonly string[]): void;
  add(table: string, rows: readonly (readonly Value[])[]): void;
  /**
   * Makes it ready to be handed on: nothing in it tells in which order rows came.
   * @param note a text that it carries along, in the table `_manifest`
   */
  finish(note: string): void;
  close(): void;
}
