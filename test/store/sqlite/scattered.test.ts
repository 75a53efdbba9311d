import { expect, test } from 'vitest';
import { verifyDatabase } from '../../../src/store/sqlite/verify.ts';
import type { Row } from '../../helpers/feed-files.ts';
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
    const description = random.chance(0.0005) ? 'refused' : `text ${random.below(3)}`;
    return transaction(`T${key}`, `V${parent}`, { Description: description });
  });
}

/** A desk on which transactions go into a table that is taken for small, or for large. */
async function openSite(large: boolean): Promise<Desk> {
  const desk = openDesk();
  const { db } = desk;
  db.exec(`CREATE TRIGGER refusing BEFORE INSERT ON transactions WHEN NEW.description = 'refused'
    BEGIN SELECT RAISE(ABORT, 'no'); END`);
  const many = (count: number) => Array.from({ length: count }, (_, at) => at);
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
  const sites = [await openSite(false), await openSite(true)];
  const rows = rowsOf(7);
  for (const desk of sites) {
    await desk.deliver('Transaction', '20260815_060000', rows);
    await desk.deliver(
      'Visit',
      '20260815_060000',
      Array.from({ length: 40 }, (_, at) => visit(`V${VISITS + at}`, 'P1')),
    );
    expect([...verifyDatabase(desk.db, desk.feed)].flatMap((check) => check.findings)).toEqual([]);
  }
  const [small, large] = sites.map(contentOf);
  expect(JSON.stringify(large) === JSON.stringify(small)).toBe(true);
  const [desk] = sites;
  for (const count of ['inserted', 'updated', 'unchanged', 'stale', 'rejected', 'waiting'])
    expect(desk?.column(`SELECT rows_${count} > 0 FROM files WHERE rows_read = ${ROWS}`), count).toEqual([1]);
  expect(desk?.column(`SELECT count(*) > 0 FROM rejects WHERE code = 'constraint'`)).toEqual([1]);
});
