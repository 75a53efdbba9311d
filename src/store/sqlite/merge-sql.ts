import { type Reference, parentOf, referencesOf } from '../../feed/references.ts';
import type { Column, Dataset, Feed } from '../../model/feed.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';
import { keyNames, sameKey } from '../key-names.ts';
import { rowKeyOf } from './row-key.ts';
import { SCRATCH, VERDICT, stageName } from './scratch.ts';

/**
 * Where the rows of a merge come from, as SQL over the staged row `s`.
 * - fresh: rows of the file in hand (`@file_id`, `@stamp`), numbered by their line
 * - healing: waiting rows of any files, whose own file and stamp stand beside them
 */
interface StageTerms {
  readonly stage: string;
  readonly fileId: string;
  readonly line: string;
  readonly stamp: string;
  /** The reject that a staged row is, or null for rows that are none. */
  readonly reject: string | null;
}

/** The statements that merge one dataset's staged rows into its table. See merge.ts for their order. */
export interface MergeSql {
  /** The temporary table the rows are staged in. */
  readonly stage: string;
  readonly findKnown: string;
  readonly findOrphans: string | null;
  readonly insert: (skipKnown: boolean, skipOrphans: boolean) => string;
  /** Gives the rows that are neither known nor orphans their places, in the order of `insert`. */
  readonly place: string;
  readonly unplaceOrphans: string;
  /** Inserts the rows from the place after `@from` up to `@to`. */
  readonly insertPlaced: string;
  readonly update: string;
  /** Updates of rows that refer to another parent than before; null: the dataset refers to none. */
  readonly reparent: string | null;
  readonly touch: string;
  readonly supersede: string;
  /** One for each reference: dependencies of superseded rows. To be run while they still have their record. */
  readonly dropSuperseded: readonly string[];
  readonly noteFreed: string;
  readonly dropFreed: string;
}

/** Statements for rows of the file in hand; staged as `_seq` (the line) and the dataset's columns. */
export function freshMergeSql(feed: Feed, dataset: Dataset): MergeSql {
  return mergeSql(feed, dataset, {
    stage: stageName('fresh', dataset),
    fileId: '@file_id',
    line: 's._seq',
    stamp: '@stamp',
    reject: null,
  });
}

/** Statements for waiting rows that are about to heal; staged as `_seq` (the reject), their own lineage and the columns. */
export function healingMergeSql(feed: Feed, dataset: Dataset): MergeSql {
  return mergeSql(feed, dataset, {
    stage: stageName('healing', dataset),
    fileId: 's._file_id',
    line: 's._line',
    stamp: 's._stamp',
    reject: 's._seq',
  });
}

/** SQL that is true where `column` of the staged row `s` names a parent that is not there. */
export function parentMissing(feed: Feed, column: Reference): string {
  const parent = parentOf(feed, column);
  const value = `s.${quoteName(column.name)}`;
  return `(${value} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${quoteName(parent.table)} p WHERE p.${quoteName(parent.key.name)} = ${value}))`;
}

/** SQL that is true where one of the conditions is. Nested by halves: SQLite bounds how deep an expression may be. */
export function anyOf(conditions: readonly string[]): string {
  if (conditions.length < 2) return conditions[0] ?? '0';
  const middle = Math.ceil(conditions.length / 2);
  return `(${anyOf(conditions.slice(0, middle))} OR ${anyOf(conditions.slice(middle))})`;
}

/** SQL for the value that the waiting row `alias` of rejects has in a column. */
export function recorded(alias: string, column: Column): string {
  return `${alias}.record ->> '$.${column.name}'`;
}

function mergeSql(feed: Feed, dataset: Dataset, terms: StageTerms): MergeSql {
  const { stage } = terms;
  const table = quoteName(dataset.table);
  const keys = keyNames(dataset);
  const rowKey = rowKeyOf(dataset, 's');
  const columns = dataset.columns.map((column) => quoteName(column.name));
  const values = columns.filter((column) => !keys.includes(column));
  // A conflict clause of the table's own must not decide instead of the merge.
  const into = `INSERT OR ABORT INTO ${table} (${columns.join(', ')}, ${LINEAGE_COLUMNS.join(', ')})
      SELECT ${columns.map((column) => `s.${column}`).join(', ')}, ${terms.fileId}, ${terms.line}, ${terms.stamp}`;
  const replace = (names: readonly string[]) =>
    `ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`;
  const references = referencesOf(dataset);
  const referring = references.map((column) => quoteName(column.name));
  // The stage's column comes first: its collation decides, and keeps apart what a column COLLATE NOCASE would take for the same.
  const same = (names: readonly string[]) =>
    names.length === 0
      ? '1'
      : `(${names.map((name) => `s.${name}`).join(', ')}) IS (${names.map((name) => `t.${name}`).join(', ')})`;
  const missing = references.map((column) => parentMissing(feed, column));
  // In the order of a parent, rows find theirs side by side, and touch each page of the index on it once: half the time in a large table.
  const [firstReference] = referring;
  const order = firstReference === undefined ? '' : ` ORDER BY s.${firstReference}`;
  const skip = (table: string) => `s._seq NOT IN (SELECT seq FROM ${table})`;
  const known = (verdict: number) =>
    `FROM ${SCRATCH.known} k CROSS JOIN ${stage} s ON s._seq = k.seq WHERE k.verdict = ${verdict}`;
  // Whether the row in the table is a newer statement than the staged one (P4).
  const newer = `CASE
      WHEN t.source_stamp <> ${terms.stamp} THEN t.source_stamp > ${terms.stamp}
      ELSE (SELECT f.name, f.revision, t.source_line FROM files f WHERE f.file_id = t.source_file_id)
         > (SELECT f.name, f.revision, ${terms.line} FROM files f WHERE f.file_id = ${terms.fileId}) END`;
  const admitted = `${skip(SCRATCH.orphans)} AND s._seq NOT IN (SELECT seq FROM ${SCRATCH.known} WHERE verdict = ${VERDICT.stale})`;

  const newRows = (skipKnown: boolean, skipOrphans: boolean) => {
    const conditions = [...(skipKnown ? [skip(SCRATCH.known)] : []), ...(skipOrphans ? [skip(SCRATCH.orphans)] : [])];
    return `FROM ${stage} s${conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : ''}${order}`;
  };

  return {
    stage,
    findKnown: `INSERT INTO ${SCRATCH.known} (seq, verdict)
      SELECT s._seq, CASE WHEN ${newer} THEN ${VERDICT.stale} WHEN ${same(values)} THEN ${VERDICT.unchanged}
        WHEN ${same(referring)} THEN ${VERDICT.updated} ELSE ${VERDICT.reparented} END
      FROM ${stage} s CROSS JOIN ${table} t ON ${sameKey(dataset, 't', 's')}`,
    findOrphans:
      missing.length === 0
        ? null
        : `INSERT INTO ${SCRATCH.orphans} (seq)
      SELECT s._seq FROM ${stage} s LEFT JOIN ${SCRATCH.known} k ON k.seq = s._seq
      WHERE (k.verdict IS NULL OR k.verdict = ${VERDICT.reparented}) AND ${anyOf(missing)}`,
    insert: (skipKnown, skipOrphans) => `${into} ${newRows(skipKnown, skipOrphans)}`,
    place: `INSERT INTO ${SCRATCH.places} (seq) SELECT s._seq ${newRows(true, true)}`,
    unplaceOrphans: `DELETE FROM ${SCRATCH.places} WHERE seq IN (SELECT seq FROM ${SCRATCH.orphans})`,
    insertPlaced: `${into} FROM ${SCRATCH.places} p CROSS JOIN ${stage} s ON s._seq = p.seq WHERE p.place > @from AND p.place <= @to`,
    // Upserts of rows that are known to be there: an UPDATE … FROM makes SQLite walk the whole table.
    // What is not set spares its foreign key and its index.
    update: `${into} ${known(VERDICT.updated)} ${replace([...values.filter((name) => !referring.includes(name)), ...LINEAGE_COLUMNS])}`,
    reparent:
      firstReference === undefined
        ? null
        : `${into} ${known(VERDICT.reparented)} AND ${skip(SCRATCH.orphans)} ${replace([...values, ...LINEAGE_COLUMNS])}`,
    touch: `${into} ${known(VERDICT.unchanged)} ${replace(LINEAGE_COLUMNS)}`,
    supersede: `INSERT INTO ${SCRATCH.superseded} (reject_id)
      SELECT r.reject_id FROM ${stage} s CROSS JOIN rejects r
        ON r.state = 'waiting' AND r.dataset = @dataset AND r.row_key = ${rowKey}
      WHERE ${terms.reject === null ? '' : `r.reject_id <> ${terms.reject} AND `}${admitted}
        AND (SELECT f.stamp, f.name, f.revision, r.line FROM files f WHERE f.file_id = r.file_id)
          < (SELECT f.stamp, f.name, f.revision, ${terms.line} FROM files f WHERE f.file_id = ${terms.fileId})`,
    dropSuperseded: references.map(
      (column) => `DELETE FROM waiting_on WHERE parent_table = '${column.references}' AND (parent_key, reject_id) IN (
        SELECT ${recorded('r', column)}, r.reject_id FROM ${SCRATCH.superseded} u CROSS JOIN rejects r ON r.reject_id = u.reject_id)`,
    ),
    noteFreed: `INSERT OR IGNORE INTO ${SCRATCH.freed} (reject_id)
      SELECT w.reject_id FROM ${stage} s CROSS JOIN waiting_on w
        ON w.parent_table = @table AND w.parent_key = ${rowKey} WHERE ${admitted}`,
    dropFreed: `DELETE FROM waiting_on WHERE parent_table = @table
      AND parent_key IN (SELECT ${rowKey} FROM ${stage} s WHERE ${admitted})`,
  };
}
