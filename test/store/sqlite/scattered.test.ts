import { expect, test } from 'vitest';
import { verifyDatabase } from '../../../src/store/sqlite/verify.ts';
import type { Row } from '../../helpers/feed-files.ts';
import { feedWithTables } from '../../helpers/feed-folder.ts';
import { type Desk, openDesk } from '../../helpers/ingest.ts';
import { createRandom } from '../../helpers/random.ts';
import { procedure, transaction, visit } from '../../helpers/rows.ts';

/** Rows enough for several joined merges. */
const ROWS = 70_000;
const VISITS = 500;

/**
 * A file whose keys come back now and then, in the same batch and batches later, with orphans, rows that change, heal or are stale,
 * bad ones, and some that a constraint refuses.
 */
function rowsOf(seed: number): (Row | string)[] {
  const random = createRandom(seed);
  return Array.from({ length: ROWS }, (_, at) => {
    const key = random.chance(0.02) ? random.below(at + 1) : at;
    const parent = random.chance(0.01) ? VISITS + random.below(50) : random.below(VISITS);
    if (random.chance(0.001)) return `T${key}|cut`;
    // Of the rows that are in the table before, whose keys are round numbers, none is refused.
    const description = random.chance(0.0005) && key === at && at % 10 !== 0 ? 'refused' : `text ${random.below(3)}`;
    return transaction(`T${key}`, `V${parent}`, { Description: description });
  });
}

const REFUSING = `CREATE TRIGGER refusing BEFORE INSERT ON transactions WHEN NEW.description = 'refused'
    BEGIN SELECT RAISE(ABORT, 'no'); END`;

/** What refuses rows: where there is a trigger, rows may hang on each other. */
const withTrigger = (tables: string) => `${tables};\n${REFUSING};`;
const withCheck = (tables: string) =>
  tables.replace(/(payer +TEXT,\s+description +TEXT)/, `$1 CHECK (description <> 'refused')`);

/** A desk on which transactions go into a table that is taken for small, or for large. */
async function openSite(large: boolean, change: (tables: string) => string): Promise<Desk> {
  const desk = openDesk({ feed: feedWithTables(change) });
  const { db } = desk;
  await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
  const visits = many(VISITS).map((at) => visit(`V${at}`, 'P1'));
  await desk.deliver('Visit', '20260801_060000', visits);
  await desk.deliver(
    'Transaction',
    '20260801_060000',
    many(2_000).map((at) => transaction(`T${at * 20}`, 'V1')),
  );
  await desk.deliver(
    'Transaction',
    '20260901_060000',
    many(300).map((at) => transaction(`T${at * 70}`, 'V2')),
  );
  if (large) db.exec(`UPDATE transactions SET rowid = 1000000 WHERE transaction_id = 'T0'`);
  return desk;
}

const many = (count: number) => Array.from({ length: count }, (_, at) => at);

function contentOf(desk: Desk): unknown {
  return [
    desk.rows('SELECT * FROM transactions ORDER BY transaction_id'),
    desk.rows(`SELECT r.line, r.byte_offset, r.row_key, r.code, r.column_name, r.raw, r.record, r.state, r.healed_as, f.name
      FROM rejects r JOIN files f USING (file_id) ORDER BY f.name, r.line`),
    desk.rows(
      `SELECT w.parent_table, w.parent_key, r.line FROM waiting_on w JOIN rejects r USING (reject_id) ORDER BY 1, 2, 3`,
    ),
    desk.rows(
      'SELECT name, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_stale, rows_rejected, rows_waiting FROM files ORDER BY 1',
    ),
  ];
}

test('P3 P4: rows that are sorted and merged together come to the same as batch by batch', async () => {
  const inParts = await openSite(true, withCheck);
  const sites = [await openSite(false, withTrigger), await openSite(true, withTrigger), inParts];
  const rows = rowsOf(7);
  for (const desk of sites) {
    await desk.deliver('Transaction', '20260815_060000', rows);
    await desk.deliver(
      'Visit',
      '20260815_060000',
      many(40).map((at) => visit(`V${VISITS + at}`, 'P1')),
    );
    const described = (at: number) => ({ Description: at % 1_000 === 10 ? 'refused' : 'newer' });
    const added = many(5_000).map((at) => transaction(`A${at}`, at % 1_000 === 7 ? 'V600' : 'V3', described(at)));
    await desk.deliver('Transaction', '20260914_060000', added);
    const changed = many(5_000).map((at) => transaction(`T${at}`, 'V3', described(at)));
    await desk.deliver('Transaction', '20260915_060000', changed);
    expect([...verifyDatabase(desk.db, desk.feed)].flatMap((check) => check.findings)).toEqual([]);
  }
  const [small, ...large] = sites.map((desk) => JSON.stringify(contentOf(desk)));
  // Without a text of its own: that would be all rows.
  for (const content of large) expect(content === small).toBe(true);
  expect(sites.map((desk) => desk.column('SELECT count(*) > 0 FROM temp._places')[0])).toEqual([0, 0, 1]);
  const [desk] = sites;
  for (const count of ['inserted', 'updated', 'unchanged', 'stale', 'rejected', 'waiting'])
    expect(desk?.column(`SELECT rows_${count} > 0 FROM files WHERE rows_read = ${ROWS}`), count).toEqual([1]);
  expect(desk?.column(`SELECT count(*) > 0 FROM rejects WHERE code = 'constraint'`)).toEqual([1]);
});
