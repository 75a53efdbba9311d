import { type Reference, parentOf, referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';
import { literal } from './literal.ts';
import { isMissing, joinTable, type LookedUpSingly } from './lookups.ts';
import { SCRATCH, type StagingTables } from './scratch.ts';
import { keyNames } from '../key-names.ts';
import { keyBytes, rowKeyOf } from './row-key.ts';

/** A row that goes into the table; the others are left out. */
const ADMITTED = `s._verdict IN ('new', 'updated', 'unchanged')`;

/**
 * Longer keys could not all be kept in an index: an entry has at most 2,704 bytes, and what waits is indexed with the name of a table.
 */
const LONGEST_KEY_BYTES = 2_000;

/** So many rows show whether a file has orphans. */
const FIRST_ROWS = 250;

/** The statements that merge one dataset's rows into its table. See merge.ts for their order. */
export interface MergeSql {
  /**
   * Numbers the rows of the file in hand by their turns: of the rows of one key those that may be admitted come one after the other, in
   * the order of their lines; what is left out anyway comes with the first. $1 file_id, $2 its stamp. Gives how many turns there are.
   */
  readonly numberTurns: string;
  /** Stages rows of the file in hand, with their verdicts. $1 file_id, $2 its stamp, $3 the turn, $4 and $5 the range of lines. */
  readonly stageFresh: string;
  /** The same, without a look at parents: orphans are left to the foreign keys. */
  readonly stageTrusting: string;
  /** Whether there is an orphan among the first rows: there mostly is where there are any. */
  readonly beginsWithOrphans: string;
  /** Stages rows that waited, with their verdicts. $1 and $2 the range of rejects. */
  readonly stageHealing: string;
  /** How many rows were staged, by verdict. */
  readonly countVerdicts: string;
  /** Puts the admitted rows with new keys into the table. Nobody else merges: to look for a conflict of each would take a third longer. */
  readonly insert: string;
  /** Puts the other admitted rows into the table. */
  readonly update: string;
  /** Supersedes the older waiting versions of admitted rows (rule 4). $1 the file in hand, $2 when, $3 the dataset. Null: none can wait. */
  readonly supersede: string | null;
  /** Notes the rows that waited for admitted ones, which wait for these no more. $1 the table. */
  readonly free: string;
}

/** Makes the statements for a dataset. */
export function mergeSql(feed: Feed, dataset: Dataset, stage: StagingTables, singly: LookedUpSingly): MergeSql {
  const table = quoteName(dataset.table);
  const keys = keyNames(dataset);
  const keyList = keys.join(', ');
  const keyOf = (alias: string) => keys.map((name) => `${alias}.${name}`).join(', ');
  const rowKey = rowKeyOf(dataset, 's');
  const columns = dataset.columns.map((column) => quoteName(column.name));
  const values = columns.filter((column) => !keys.includes(column));
  const references = referencesOf(dataset);
  const referring = references.map((column) => quoteName(column.name));
  const merging = stage.merging;

  const same = (names: readonly string[]) =>
    names.length === 0 ? 'true' : names.map((name) => `t.${name} IS NOT DISTINCT FROM s.${name}`).join(' AND ');
  const orphan =
    references.length === 0 ? 'false' : references.map((column) => parentMissing(feed, column, singly)).join(' OR ');
  // Looked up only where two stamps are equal, which is seldom.
  const ofFileOf = (id: string, column: 'name' | 'revision') =>
    `(SELECT f.${column} FROM files f WHERE f.file_id = ${id})`;
  // The order of versions (P4). An unchanged reference needs no look at its parent: the foreign key has seen it.
  const verdict = (orphan: string) => `CASE
      WHEN ${tooLong(dataset, 's')} THEN 'unfit'
      WHEN t.${keys[0] ?? ''} IS NULL THEN CASE WHEN ${orphan} THEN 'orphan' ELSE 'new' END
      WHEN (t.source_stamp COLLATE "C", ${ofFileOf('t.source_file_id', 'name')}, ${ofFileOf('t.source_file_id', 'revision')}, t.source_line)
        > (s._stamp, ${ofFileOf('s._file_id', 'name')}, ${ofFileOf('s._file_id', 'revision')}, s._line)
        THEN 'stale'
      WHEN ${same(values)} THEN 'unchanged'
      WHEN NOT (${same(referring)}) AND (${orphan}) THEN 'orphan'
      ELSE 'updated' END`;
  const judged = (rows: string, isOrphan = orphan, lookUpSingly = singly.has(dataset.table)) => `
    SELECT s.*, ${verdict(isOrphan)} AS _verdict
    FROM (${rows}) s LEFT ${joinTable(dataset, lookUpSingly)}`;
  const names = ['_seq', '_byte_offset', '_byte_length', '_file_id', '_line', '_stamp', '_verdict', ...columns].join(
    ', ',
  );
  const stageRows = (rows: string, isOrphan = orphan) =>
    `INSERT INTO ${merging} (${names}) SELECT ${names} FROM (${judged(rows, isOrphan)}) j`;
  const ofFile = `SELECT i.*, $1::bigint AS _file_id, i._seq AS _line, $2::text COLLATE "C" AS _stamp FROM ${stage.incoming} i`;
  // Lookups that follow one another then meet the same pages.
  const inOrder = singly.size > 0 ? `ORDER BY ${rowOrder(dataset, 'i')}` : '';
  const fresh = `${ofFile} WHERE i._turn = $3 AND i._seq > $4 AND i._seq <= $5 ${inOrder}`;
  const intoTable = (which: string) => `
      INSERT INTO ${table} (${[...columns, ...LINEAGE_COLUMNS].join(', ')})
      SELECT ${columns.map((column) => `s.${column}`).join(', ')}, s._file_id, s._line, s._stamp
      FROM ${merging} s WHERE ${which} ORDER BY ${rowOrder(dataset, 's')}`;

  return {
    // How few keys are repeated cannot be foreseen, and the whole table might be read for them.
    numberTurns: `
      WITH repeated AS (SELECT ${keyList} FROM ${stage.incoming} GROUP BY ${keyList} HAVING count(*) > 1),
      numbered AS (
        SELECT s._seq, row_number() OVER (PARTITION BY ${keyOf('s')} ORDER BY s._seq) AS turn
        FROM (${judged(`${ofFile} JOIN repeated USING (${keyList})`, orphan, true)}) s WHERE ${ADMITTED}),
      later AS (
        UPDATE ${stage.incoming} i SET _turn = n.turn FROM numbered n WHERE n._seq = i._seq AND n.turn > 1 RETURNING n.turn)
      SELECT coalesce(max(turn), 1)::integer AS turns FROM later`,
    stageFresh: stageRows(fresh),
    stageTrusting: stageRows(fresh, 'false'),
    beginsWithOrphans: `SELECT count(*) > 0 AS found FROM (SELECT * FROM ${stage.incoming} LIMIT ${FIRST_ROWS}) s WHERE ${orphan}`,
    stageHealing: stageRows(`SELECT i.*, r.file_id AS _file_id, r.line AS _line, f.stamp AS _stamp
      FROM ${stage.incoming} i JOIN rejects r ON r.reject_id = i._seq JOIN files f ON f.file_id = r.file_id
      WHERE i._seq > $1 AND i._seq <= $2`),
    countVerdicts: `SELECT _verdict AS verdict, count(*) AS rows FROM ${merging} GROUP BY _verdict`,
    insert: intoTable(`s._verdict = 'new'`),
    update: `${intoTable(`s._verdict IN ('updated', 'unchanged')`)}
      ON CONFLICT (${keyList}) DO UPDATE SET ${[...values, ...LINEAGE_COLUMNS].map((name) => `${name} = excluded.${name}`).join(', ')}`,
    supersede: references.length === 0 ? null : supersede(references, merging, rowKey),
    free: `
      WITH freed AS (
        DELETE FROM waiting_on w USING ${merging} s
        WHERE w.parent_table = $1 AND w.parent_key = ${rowKey} AND ${ADMITTED} RETURNING w.reject_id)
      INSERT INTO ${SCRATCH.freed} (reject_id) SELECT reject_id FROM freed`,
  };
}

function supersede(references: readonly Reference[], merging: string, rowKey: string): string {
  const dependencies = references.map(
    (column) =>
      `SELECT u.reject_id, ${literal(column.references)} AS parent_table, ${recorded('u', column)} AS parent_key FROM superseded u`,
  );
  return `
    WITH superseded AS (
      SELECT r.reject_id, r.record FROM ${merging} s
      JOIN rejects r ON r.state = 'waiting' AND r.dataset = $3 AND r.row_key = ${rowKey}
      JOIN files rf ON rf.file_id = r.file_id
      JOIN files sf ON sf.file_id = s._file_id
      WHERE ${ADMITTED} AND (rf.stamp, rf.name, rf.revision, r.line) < (s._stamp, sf.name, sf.revision, s._line)
    ), dropped AS (
      DELETE FROM waiting_on w USING (${dependencies.join(' UNION ALL ')}) d
      WHERE w.parent_table = d.parent_table AND w.parent_key = d.parent_key AND w.reject_id = d.reject_id)
    UPDATE rejects r SET state = 'superseded', record = NULL, settled_by_file_id = $1, settled_at = $2
    FROM superseded u WHERE r.reject_id = u.reject_id`;
}

/**
 * SQL for the order in which rows go into the table: that of a parent, so that its key and the index on it are read and written page by
 * page, and then of keys. Merges of one feed never run at once, so that no order makes them die of each other.
 */
function rowOrder(dataset: Dataset, alias: string): string {
  const grouped = groupedBy(dataset);
  const names = [...(grouped === null ? [] : [grouped]), ...keyNames(dataset)];
  return names.map((name) => `${alias}.${name}`).join(', ');
}

/** The reference that the table has an index on, quoted; null: there is none. */
export function groupedBy(dataset: Dataset): string | null {
  const grouped = referencesOf(dataset).find(({ index }) => index === true);
  return grouped === undefined ? null : quoteName(grouped.name);
}

/** SQL for the columns whose statistics decide how rows are merged. */
export function decisiveColumns(dataset: Dataset): string {
  // A reference may be a part of the key.
  return [...new Set([...keyNames(dataset), ...referencesOf(dataset).map(({ name }) => quoteName(name))])].join(', ');
}

/** SQL that is true where the staged row `alias` has a key, or refers to one, that is too long for an index. */
export function tooLong(dataset: Dataset, alias: string): string {
  const referring = referencesOf(dataset).map((column) => `octet_length(${alias}.${quoteName(column.name)})`);
  return [keyBytes(dataset, alias), ...referring].map((bytes) => `${bytes} > ${LONGEST_KEY_BYTES}`).join(' OR ');
}

/** SQL that is true where `column` of the staged row `s` names a parent that is not there. */
export function parentMissing(feed: Feed, column: Reference, singly: LookedUpSingly): string {
  const { table, key } = parentOf(feed, column);
  const value = `s.${quoteName(column.name)}`;
  return `(${value} IS NOT NULL AND ${isMissing(table, key.name, value, singly)})`;
}

/** SQL for what the waiting row `alias` of rejects refers to by a column, comparable with a key. */
export function recorded(alias: string, column: Reference): string {
  return `(${alias}.record ->> ${literal(column.name)}) COLLATE "C"`;
}
