import { parentOf, referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';
import { literal } from './literal.ts';
import { isMissing, joinTable, type LookedUpSingly } from './lookups.ts';
import { groupedBy, tooLong } from './merge-sql.ts';
import { lockFeedSql, requireFeedLocked } from './ledger-entry.ts';
import type { Merging, Origin } from './merge.ts';
import { isRefusal, RowsLeftOut } from './refusal.ts';
import { keyNames } from '../key-names.ts';
import { rowKeyOf } from './row-key.ts';
import type { StagingTables } from './scratch.ts';
import { inOneGo } from './session.ts';

/** So many rows show whether a file has to be merged: of one that was delivered before, none is new. */
const ROWS_THAT_SHOW = 1_000;

/** What is known of the staged rows beforehand, and need not be looked up. */
export interface KnownRows {
  /** Whether a key may be named more than once. */
  readonly repeats: boolean;
  /** Whether the primary key is left to find keys that are there already: all rows of the table are of the same file. */
  readonly trustsPrimaryKey: boolean;
  /** Whether the foreign keys are left to find orphans. */
  readonly trustsForeignKeys: boolean;
}

/** SQL that ends what `insertDirectly` has begun: what follows may no longer be undone with it. */
export const END_DIRECT = 'RELEASE SAVEPOINT direct';

/**
 * Inserts all staged rows by one statement, where none of them needs a merge: all keys are new and named once, all parents are there, and
 * nothing waits for these rows or is superseded by them. Takes half as long as a merge, and a few round trips less. The same round trip
 * takes the feed's lock first.
 * @returns `all`: they are in; `none`: they need a merge; `refused`: the database refused one of them. Where they are not in, nothing was
 *   changed, and the lock is held all the same
 */
export async function insertDirectly(
  { client, dataset, stage, singly, origin }: Merging,
  feed: Feed,
  count: number,
  known: KnownRows,
): Promise<'all' | 'none' | 'refused'> {
  const insert = known.repeats ? [] : [directSql(feed, dataset, stage, singly, origin, known)];
  try {
    const results = await inOneGo(client, [lockFeedSql(feed), 'SAVEPOINT direct', ...insert]);
    requireFeedLocked(results[0]);
    const rowCount = known.repeats ? 0 : results.at(-1)?.rowCount;
    // A trigger that drops rows in silence: which ones, the merge finds out.
    if (rowCount !== 0 && rowCount !== count) throw new RowsLeftOut();
    return rowCount === count ? 'all' : 'none';
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT direct');
    return 'refused';
  }
}

/** SQL that inserts all rows or none. */
function directSql(
  feed: Feed,
  dataset: Dataset,
  { incoming }: StagingTables,
  singly: LookedUpSingly,
  { fileId, stamp }: Origin,
  { trustsPrimaryKey, trustsForeignKeys }: KnownRows,
): string {
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
  const keysThere = [
    none(`(SELECT ${keys} FROM ${incoming} LIMIT ${ROWS_THAT_SHOW}) s ${joinTable(dataset, isSingly)}`),
    none(`${keysInOrder} s ${joinTable(dataset, isSingly)}`),
  ];
  const conditions = [
    ...(trustsPrimaryKey ? [] : keysThere),
    none(`${incoming} s WHERE ${tooLong(dataset, 's')}`),
    ...(trustsForeignKeys ? [] : orphans),
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
    SELECT ${columns.map((column) => `s.${column}`).join(', ')}, ${fileId}, s._seq, ${literal(stamp)}
    FROM ${incoming} s WHERE ${conditions.join('\n      AND ')} ${order}`;
}
