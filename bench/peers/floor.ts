/**
 * The floor: one prepared better-sqlite3 upsert a row, over rows that are already split and typed in memory.
 * usage: floor.ts DATABASE CACHE_MIB TABLE=FILE...   (the tables are there already). Prints the ms of each file's loop and commit.
 */
import { readFileSync } from 'node:fs';
import { openPeer } from './open.ts';

const [database = '', cacheMib = '', ...files] = process.argv.slice(2);
const db = openPeer(database, cacheMib);

const ms: number[] = [];
for (const file of files) {
  const [table = '', path = ''] = file.split('=');
  const columns = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table);
  const money = columns.map((name) => name.endsWith('_cents'));
  const rows = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split('|').map((value, at) => (money[at] === true ? Math.round(Number(value) * 100) : value)));
  const changes = columns.slice(1).map((name) => `${name} = excluded.${name}`);
  const upsert = db.prepare(
    `INSERT INTO ${table} VALUES (${columns.map(() => '?').join(', ')})
     ON CONFLICT DO UPDATE SET ${changes.join(', ')}`,
  );
  const begun = performance.now();
  db.exec('BEGIN');
  for (const row of rows) upsert.run(row);
  db.exec('COMMIT');
  ms.push(performance.now() - begun);
}
db.close();
process.stdout.write(JSON.stringify({ ms }));
