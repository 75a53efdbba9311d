import { expect, test } from 'vitest';
import { dryRun } from '../../src/ingest/dry-run.ts';
import { LandfallError } from '../../src/model/errors.ts';
import { openRehearsal } from '../../src/store/open.ts';
import { verifyDatabase } from '../../src/store/sqlite/verify.ts';
import { MIGRATIONS, openDesk, type Desk } from '../helpers/ingest.ts';
import { feedOf } from '../helpers/small-feed.ts';

const LINEAGE = 'source_file_id INTEGER NOT NULL, source_line INTEGER NOT NULL, source_stamp TEXT NOT NULL';

/** Claims and their lines, of which the key is claim and number; the number stands first in the files. */
const FILES = {
  'feed.yaml': `feed: claims
files: { pattern: '{dataset}_{stamp:YYYYMMDD}.csv' }
max_bad_rows: 1
datasets:
  - { name: claim, table: claims, columns: [{ header: claim, name: claim_id, type: id }, { header: status, name: status, type: text }] }
  - name: line
    table: claim_lines
    key: [claim_id, line_number]
    columns:
      - { header: units, name: units, type: integer, required: true }
      - { header: number, name: line_number, type: integer }
      - { header: claim, name: claim_id, type: id, references: claims }
`,
  'migrations/sqlite/0001_claims.sql': `
CREATE TABLE claims (claim_id TEXT PRIMARY KEY NOT NULL, status TEXT, ${LINEAGE});
CREATE TABLE claim_lines (units INTEGER NOT NULL, line_number INTEGER NOT NULL, claim_id TEXT NOT NULL REFERENCES claims (claim_id), ${LINEAGE},
  PRIMARY KEY (claim_id, line_number));
`,
};

const HEADER = 'units,number,claim';

async function deliver(desk: Desk, name: string, lines: readonly string[]): Promise<unknown> {
  return await desk.ingest(desk.write(name, `${lines.join('\n')}\n`));
}

const lines = (desk: Desk): readonly unknown[] =>
  desk.column(`SELECT claim_id || '/' || line_number || ' ' || units FROM claim_lines ORDER BY claim_id, line_number`);

test('P4, P5: rows with a key of several columns wait, supersede, heal, change, repeat and are rejected by all of it', async () => {
  const desk = openDesk({ feed: feedOf(FILES) });
  await deliver(desk, 'line_20260801.csv', [HEADER, '1,1,C1', '2,2,C1', '3,1,C2', 'x,4,C1', '5,,C1']);
  expect(desk.rows('SELECT line, state, code, row_key FROM rejects ORDER BY line')).toEqual([
    { line: 2, state: 'waiting', code: 'missing_parent', row_key: '["C1","1"]' },
    { line: 3, state: 'waiting', code: 'missing_parent', row_key: '["C1","2"]' },
    { line: 4, state: 'waiting', code: 'missing_parent', row_key: '["C2","1"]' },
    { line: 5, state: 'rejected', code: 'bad_integer', row_key: '["C1","4"]' },
    { line: 6, state: 'rejected', code: 'missing_value', row_key: null },
  ]);
  // A newer version of one of them waits as well.
  await deliver(desk, 'line_20260802.csv', [HEADER, '20,2,C1']);
  expect(await deliver(desk, 'claim_20260801.csv', ['claim,status', 'C1,open'])).toMatchObject({ healed: 2 });
  expect(lines(desk)).toEqual(['C1/1 1', 'C1/2 20']);
  expect(desk.column(`SELECT row_key FROM rejects WHERE state = 'superseded'`)).toEqual(['["C1","2"]']);
  // One key twice in a file, in the order of its lines; an older file is stale.
  const again = await deliver(desk, 'line_20260803.csv', [HEADER, '7,1,C1', '8,1,C1', '20,2,C1', '9,3,C1']);
  expect(again).toMatchObject({ counts: { read: 4, inserted: 1, updated: 2, unchanged: 1 } });
  expect(await deliver(desk, 'line_20260731.csv', [HEADER, '0,1,C1'])).toMatchObject({ counts: { stale: 1 } });
  expect(lines(desk)).toEqual(['C1/1 8', 'C1/2 20', 'C1/3 9']);
  expect([...verifyDatabase(desk.db, desk.feed)].flatMap((check) => check.findings)).toEqual([]);
});

test('check says what a file with such keys would do, of new rows, known ones and those that wait', async () => {
  const desk = openDesk({ feed: feedOf(FILES) });
  await deliver(desk, 'claim_20260801.csv', ['claim,status', 'C1,open']);
  await deliver(desk, 'line_20260801.csv', [HEADER, '1,1,C1', '2,2,C1', '3,1,C2']);
  const rehearsal = await openRehearsal({
    db: desk.database.file,
    feed: desk.feed,
    migrations: MIGRATIONS,
    program: '0',
  });
  const files = [
    desk.write('line_20260802.csv', `${HEADER}\n1,1,C1\n9,2,C1\n4,3,C1\n5,1,C3\n`),
    desk.write('claim_20260802.csv', 'claim,status\nC2,open\n'),
  ];
  const told: unknown[] = [];
  const options = {
    afresh: false,
    stop: new AbortController().signal,
    onProgress: () => undefined,
    now: () => new Date(),
  };
  for await (const { outcome, report } of dryRun(rehearsal, files, options)) {
    told.push([outcome.kind === 'ingested' ? outcome.counts : outcome, await Array.fromAsync(report?.updates ?? [])]);
    told.push([await Array.fromAsync(report?.waiting ?? []), report?.heals]);
  }
  await rehearsal.close();
  expect(told).toMatchObject([
    [{ read: 4, inserted: 1, updated: 1, unchanged: 1, waiting: 1 }, [{ line: 3, columns: ['units'] }]],
    [[{ line: 5, parentTable: 'claims', parentKey: 'C3' }], []],
    [{ read: 1, inserted: 1 }, []],
    [[], [{ dataset: 'line', rows: 1 }]],
  ]);
});

test.each([
  ['key: [claim_id, line_number]', 'key: [claim_id, nothing]', 'datasets[1].key[1]: there is no column nothing'],
  ['key: [claim_id, line_number]', 'key: [claim_id, claim_id]', 'datasets[1].key[1]: names claim_id again'],
  ['key: [claim_id, line_number]', 'key: []', 'datasets[1].key: names no column'],
  ['key: [claim_id, line_number]', 'key: units', 'datasets[1].columns[0].type: the column is of the key: it must be'],
  [
    'name: line_number, type: integer',
    'name: line_number, type: integer, optional: true',
    'datasets[1].columns[1].optional: cannot be: the column is of the key',
  ],
  [
    'name: status, type: text',
    'name: status, type: id, references: claim_lines',
    'datasets[0].columns[1].references: cannot refer to claim_lines, which has a key of several columns (claim_id, line_number)',
  ],
])('a feed that says %s as %s is refused with its place', (right, wrong, problem) => {
  let told = 'nothing';
  try {
    feedOf({ 'feed.yaml': FILES['feed.yaml'].replace(right, wrong) });
  } catch (error) {
    if (error instanceof LandfallError) told = error.message;
  }
  expect(told).toContain(problem);
});
