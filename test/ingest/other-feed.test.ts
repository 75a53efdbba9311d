import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import { verifyDatabase } from '../../src/store/sqlite/verify.ts';
import { openDesk } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

/** Names that Landfall uses for itself inside: in the ledger, in its temporary tables, for the rows on their way. */
const NAMES = [
  'key',
  'seq',
  'line',
  'stamp',
  'file_id',
  'raw',
  'state',
  'record',
  'verdict',
  'reject_id',
  'value',
  'of_table',
];

const FEED = `feed: odd
files: { prefix: Odd_, extension: .txt }
datasets:
  - name: Parent
    table: known
    columns:
      - { header: ID, name: key, type: id }
      - { header: Ready, name: ready, type: text }
  - name: Child
    table: orphans
    columns:
      - { header: ID, name: id, type: id }
      - { header: Parent, name: parent, type: id, references: known }
${NAMES.map((name) => `      - { header: ${name} of it, name: ${name}, type: text }`).join('\n')}
`;

const LINEAGE = 'source_file_id INTEGER NOT NULL, source_line INTEGER NOT NULL, source_stamp TEXT NOT NULL';
const TABLES = `
CREATE TABLE known (key TEXT PRIMARY KEY NOT NULL, ready TEXT, ${LINEAGE});
CREATE TABLE orphans (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES known (key), ${NAMES.map((name) => `"${name}" TEXT`).join(', ')}, ${LINEAGE});
CREATE INDEX orphans_by_parent ON orphans (parent);
`;

test('a feed may name its tables and columns as Landfall names its own: rows wait, heal, change and are counted', async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'migrations/sqlite'), { recursive: true });
  writeFileSync(join(folder, 'feed.yaml'), FEED);
  writeFileSync(join(folder, 'migrations/sqlite/0001_tables.sql'), TABLES);
  const desk = openDesk({ feed: loadFeed(folder) });
  const take = async (name: string, lines: readonly string[]) => desk.ingest(desk.write(name, `${lines.join('\n')}\n`));
  const header = ['ID', 'Parent', ...NAMES.map((name) => `${name} of it`)].join('|');
  const row = (id: string, value: string) => [id, 'P1', ...NAMES.map(() => value)].join('|');

  await take('Odd_Child_[20260801_060000].txt', [header, row('C1', 'a'), row('C2', 'a')]);
  const parents = await take('Odd_Parent_[20260801_060000].txt', ['ID|Ready', 'P1|yes']);
  expect(parents).toMatchObject({ kind: 'ingested', healed: 2 });
  const again = await take('Odd_Child_[20260802_060000].txt', [header, row('C1', 'a'), row('C2', 'b'), row('C3', 'c')]);
  expect(again).toMatchObject({ kind: 'ingested', counts: { inserted: 1, updated: 1, unchanged: 1 } });
  expect(desk.rows('SELECT id, line, raw, "key" FROM orphans ORDER BY id')).toEqual([
    { id: 'C1', line: 'a', raw: 'a', key: 'a' },
    { id: 'C2', line: 'b', raw: 'b', key: 'b' },
    { id: 'C3', line: 'c', raw: 'c', key: 'c' },
  ]);
  expect([...verifyDatabase(desk.db, desk.feed)].flatMap((check) => check.findings)).toEqual([]);
});
