import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { loadFeed } from '../../../src/feed/load.ts';
import { dryRun } from '../../../src/ingest/dry-run.ts';
import { anyOf } from '../../../src/store/sqlite/merge-sql.ts';
import { openRehearsal } from '../../../src/store/open.ts';
import { listRejects } from '../../../src/store/sqlite/rejects-query.ts';
import { readStatus } from '../../../src/store/sqlite/status-query.ts';
import { verifyDatabase } from '../../../src/store/sqlite/verify.ts';
import { MIGRATIONS, openDesk } from '../../helpers/ingest.ts';
import { tempFolder } from '../../helpers/temp.ts';

/** The most columns that a feed may have, and more references than SQLite takes terms in a UNION. */
const COLUMNS = 1990;
const REFERENCES = 501;

const names = Array.from({ length: COLUMNS }, (_, index) => `c${index}`);
const isReference = (index: number): boolean => index > 0 && index <= REFERENCES;

const FEED = `feed: wide
files: { prefix: Wide_, extension: .txt }
datasets:
  - { name: Parent, table: parents, columns: [{ header: id, name: id, type: id }] }
  - name: Child
    table: children
    columns:
${names.map((name, index) => `      - { header: ${name}, name: ${name}, type: id${isReference(index) ? ', references: parents' : ''} }`).join('\n')}
`;

const LINEAGE = 'source_file_id INTEGER NOT NULL, source_line INTEGER NOT NULL, source_stamp TEXT NOT NULL';
const TABLES = `CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, ${LINEAGE});
CREATE TABLE children (${names.map((name, index) => `${name} TEXT${index === 0 ? ' PRIMARY KEY NOT NULL' : isReference(index) ? ' REFERENCES parents (id)' : ''}`).join(', ')}, ${LINEAGE});`;

test('a dataset of as many columns as a feed may have: rows wait, heal, change, are checked, listed and verified', async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'migrations/sqlite'), { recursive: true });
  writeFileSync(join(folder, 'feed.yaml'), FEED);
  writeFileSync(join(folder, 'migrations/sqlite/0001_tables.sql'), TABLES);
  const feed = loadFeed(folder);
  const desk = openDesk({ feed });
  const child = (day: number, value: string) => {
    const row = names.map((_, index) => (index === 0 ? 'K' : isReference(index) ? 'P' : value));
    return desk.write(`Wide_Child_[2026080${day}_060000].txt`, `${names.join('|')}\n${row.join('|')}\n`);
  };

  expect(await desk.ingest(child(1, 'a'))).toMatchObject({ kind: 'ingested', counts: { waiting: 1 } });
  const all = { states: [], codes: [], name: null, since: null, limit: null };
  expect([...listRejects(desk.db, feed, all, false)]).toMatchObject([{ waits_for: 'parents' }]);
  expect(readStatus(desk.db, feed, 20)).toMatchObject({ waiting: [{ parent_table: 'parents', rows: 1 }] });
  const parent = desk.write('Wide_Parent_[20260801_060000].txt', 'id\nP\n');
  expect(await desk.ingest(parent)).toMatchObject({ kind: 'ingested', healed: 1 });
  expect(desk.column(`SELECT c${COLUMNS - 1} FROM children`)).toEqual(['a']);

  const rehearsal = await openRehearsal({ db: desk.database.file, feed, migrations: MIGRATIONS, program: '0' });
  const next = child(2, 'b');
  const options = {
    afresh: false,
    stop: new AbortController().signal,
    onProgress: () => undefined,
    now: () => new Date(),
  };
  for await (const { report } of dryRun(rehearsal, [next], options))
    expect((await Array.fromAsync(report?.updates ?? []))[0]?.columns).toHaveLength(COLUMNS - 1 - REFERENCES);
  await rehearsal.close();
  expect(await desk.ingest(next)).toMatchObject({ kind: 'ingested', counts: { updated: 1 } });
  expect([...verifyDatabase(desk.db, feed)].flatMap((check) => check.findings)).toEqual([]);
});

test('a condition of any number of parts is one that SQLite takes', () => {
  const db = new Database(':memory:');
  const parts = Array.from({ length: COLUMNS }, (_, index) => `${index} = 1989`);
  expect(
    db
      .prepare(`SELECT ${anyOf(parts)}, ${anyOf(parts.slice(0, -1))}, ${anyOf([])}`)
      .raw()
      .get(),
  ).toEqual([1, 0, 0]);
});
