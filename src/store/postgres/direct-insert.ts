import { parentOf, referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';
import { literal } from './literal.ts';
import { isMissing, joinTable, type LookedUpSingly } from './lookups.ts';
import { groupedBy, tooLong } from './merge-sql.ts';
import type { Merging } from './merge.ts';
import { RowsLeftOut } from './refusal.ts';
import { keyNames } from '../key-names.ts';
import { rowKeyOf } from './row-key.ts';
import { unlessRefused } from './savepoint.ts';
import type { StagingTables } from './scratch.ts';

/** So many rows show whether a file has to be merged: of one that was delivered before, none is new. */
const ROWS_THAT_SHOW = 1_000;

/**
 * Inserts all rows of the file in hand by one statement, where none of them needs a merge: all keys are new and named once, all parents
 * are there, and nothing waits for these rows or is superseded by them. Costs half of what a merge does, and a few round trips.
 * The feed's lock must be held.
 * @returns whether they are in; if not, nothing was changed
 */
export async function insertDirectly(
  { client, dataset, stage, singly, origin }: Merging,
  feed: Feed,
  count: number,
): Promise<boolean> {
  const done = await unlessRefused(client, async () => {
    const { rowCount } = await client.query(directSql(feed, dataset, stage, singly), [origin.fileId, origin.stamp]);
    // A trigger that drops rows in silence: which ones, the merge finds out.
    if (rowCount !== 0 && rowCount !== count) throw new RowsLeftOut();
    return { isIn: rowCount === count };
  });
  return done?.isIn ?? false;
}

/** SQL that inserts all rows or none. $1 file_id, $2 its stamp. */
function directSql(feed: Feed, dataset: Dataset, { incoming }: StagingTables, singly: LookedUpSingly): string {
  const table = quoteName(dataset.table);
  const columns = dataset.columns.map((column) => quoteName(column.name));
  const keys = keyNames(dataset).join(', ');
  const key = rowKeyOf(dataset, 's');
  const none = (rows: string) => `(SELECT count(*) FROM ${rows}) = 0`;
  const orphans = referencesOf(dataset).map((column) => {
    const parent = parentOf(feed, column);
    const name = quoteName(column.name);
    const rows = singly.has(parent.table) ? `(SELECT ${name} FROM ${incoming} ORDER BY ${name})` : incoming;
    return none(
      `${rows} s WHERE s.${name} IS NOT NULL AND ${isMissing(parent.table, parent.key.name, `s.${name}`, singly)}`,
    );
  });
  const isSingly = singly.has(dataset.table);
  const keysInOrder = isSingly ? `(SELECT ${keys} FROM ${incoming} ORDER BY ${keys})` : incoming;
  // Counted, not asked for with EXISTS: a plan for the first row that turns up is slow where none does.
  const conditions = [
    none(`(SELECT ${keys} FROM ${incoming} LIMIT ${ROWS_THAT_SHOW}) s ${joinTable(dataset, isSingly)}`),
    none(`${incoming} s WHERE ${tooLong(dataset, 's')}`),
    none(`(SELECT FROM ${incoming} GROUP BY ${keys} HAVING count(*) > 1) repeated`),
    none(`${keysInOrder} s ${joinTable(dataset, isSingly)}`),
    ...orphans,
    none(`${incoming} s JOIN waiting_on w ON w.parent_table = ${literal(dataset.table)} AND w.parent_key = ${key}`),
    none(
      `${incoming} s JOIN rejects r ON r.state = 'waiting' AND r.dataset = ${literal(dataset.name)} AND r.row_key = ${key}`,
    ),
  ];
  // Files mostly come in the order of their keys: where there is no better one, none has to be made.
  const grouped = groupedBy(dataset);
  const order = grouped === null ? '' : `ORDER BY s.${grouped}`;
  return `
    INSERT INTO ${table} (${[...columns, ...LINEAGE_COLUMNS].join(', ')})
    SELECT ${columns.map((column) => `s.${column}`).join(', ')}, $1::bigint, s._seq, $2::text
    FROM ${incoming} s WHERE ${conditions.join('\n      AND ')} ${order}`;
}
