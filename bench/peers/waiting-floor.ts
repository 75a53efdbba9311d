/**
 * The floor of children first: every row of a loaded database is kept waiting in new tables, children first, and then admitted, with a
 * bare statement for each table. Nothing is read, parsed, compared or counted; rows come in the best order.
 * usage: waiting-floor.ts DATABASE CACHE_MIB   (DATABASE was filled by landfall). Prints the ms of the statements and commits.
 */
import { openPeer } from './open.ts';

/** Children first: each table with its dataset and the parents that its columns refer to. */
const CHILDREN = [
  { table: 'transactions', dataset: 'Transaction', parents: { visit_id: 'visits', procedure_id: 'procedures' } },
  { table: 'visits', dataset: 'Visit', parents: { procedure_id: 'procedures' } },
];
const LINEAGE = ['source_file_id', 'source_line', 'source_stamp'];

const [source = '', cacheMib = ''] = process.argv.slice(2);
const db = openPeer(`${source}.floor`, cacheMib);
db.prepare('ATTACH ? AS loaded').run(source);
const schema = db.prepare<[], { sql: string }>(
  'SELECT sql FROM loaded.sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC',
);
for (const { sql } of schema.all()) db.exec(sql);
db.exec('INSERT INTO files SELECT * FROM loaded.files');

const begun = performance.now();
for (const child of CHILDREN) {
  commit(() => {
    keep(child);
  });
}
commit(() => {
  db.exec('INSERT INTO procedures SELECT * FROM loaded.procedures');
  for (const child of CHILDREN.toReversed()) admit(child);
  db.exec('DELETE FROM waiting_on');
});
const ms = performance.now() - begun;
db.close();
process.stdout.write(JSON.stringify({ ms }));

function commit(work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  work();
  db.exec('COMMIT');
}

/** Rows of a table become rejects that wait, each with raw text, typed values and its missing parents. */
function keep({ table, dataset, parents }: (typeof CHILDREN)[number]): void {
  const columns = columnsOf(table);
  const raw = columns.map((name) => `coalesce(${name}, '')`).join(` || '|' || `);
  const record = columns.map((name) => `'${name}', ${name}`).join(', ');
  const before = db.prepare<[], number>('SELECT coalesce(max(reject_id), 0) FROM rejects').pluck().get() ?? 0;
  db.exec(
    `INSERT INTO rejects (file_id, dataset, line, byte_offset, row_key, code, column_name, reason, raw, record, state)
     SELECT source_file_id, '${dataset}', source_line, source_line * 100, ${columns[0]}, 'missing_parent', '${Object.keys(parents)[0]}',
       'the row it refers to is not there yet', ${raw}, json_object(${record}), 'waiting'
     FROM loaded.${table} ORDER BY source_line`,
  );
  // Lines begin behind the header, so that the first reject is of line 2.
  for (const [column, parent] of Object.entries(parents)) {
    db.exec(
      `INSERT INTO waiting_on SELECT '${parent}', ${column}, ${before} + source_line - 1 FROM loaded.${table} ORDER BY 2, 3`,
    );
  }
}

/** Rejects of a table go into it from their typed values, and are settled. */
function admit({ table, dataset }: (typeof CHILDREN)[number]): void {
  const columns = columnsOf(table);
  const indexes = db
    .prepare<[string], { name: string; sql: string }>(
      `SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?`,
    )
    .all(table);
  for (const { name } of indexes) db.exec(`DROP INDEX main.${name}`);
  const waiting = `dataset = '${dataset}' AND state = 'waiting'`;
  db.exec(
    `INSERT INTO ${table} (${[...columns, ...LINEAGE].join(', ')})
     SELECT ${columns.map((name) => `record ->> '$.${name}'`).join(', ')}, file_id, line, '2025-06-01T00:00:00Z'
     FROM rejects WHERE ${waiting} ORDER BY reject_id`,
  );
  db.exec(
    `UPDATE rejects SET state = 'healed', healed_as = 'inserted', raw = NULL, record = NULL, settled_by_file_id = 1,
       settled_at = '2025-06-01T00:00:00Z' WHERE ${waiting}`,
  );
  for (const { sql } of indexes) db.exec(sql);
}

function columnsOf(table: string): string[] {
  return db
    .prepare<[string], string>('SELECT name FROM pragma_table_info(?)')
    .pluck()
    .all(table)
    .filter((name) => !LINEAGE.includes(name));
}
