import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import type { Feed } from '../../src/model/feed.ts';
import { type Desk, openDesk } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

const NAME = 'Ward_Stay_[20260801_060000].txt';
const LINEAGE = 'source_file_id INTEGER NOT NULL, source_line INTEGER NOT NULL, source_stamp TEXT NOT NULL';

/** A feed of stays with one more column, which has the rules. */
function feedWith(column: string): Feed {
  const folder = tempFolder();
  mkdirSync(join(folder, 'migrations/sqlite'), { recursive: true });
  const definition = `feed: ward
files: { prefix: Ward_, extension: .txt }
datasets:
  - name: Stay
    table: stays
    columns:
      - { header: ID, name: id, type: id }
      - { header: Begin, name: begin_at, type: timestamp, zone: UTC }
      - { header: Day, name: day, type: date }
      - { header: Limit, name: upper_limit, type: decimal, scale: 3 }
      - { header: Value, name: value, ${column} }
`;
  writeFileSync(join(folder, 'feed.yaml'), definition);
  writeFileSync(
    join(folder, 'migrations/sqlite/0001_stays.sql'),
    `CREATE TABLE stays (id TEXT PRIMARY KEY NOT NULL, begin_at TEXT, day TEXT, upper_limit TEXT, value ${/money|integer/.test(column) ? 'INTEGER' : 'TEXT'}, ${LINEAGE});`,
  );
  return loadFeed(folder);
}

/** Takes rows `ID|Begin|Day|Limit|Value`, at noon UTC on the second of August. */
async function take(desk: Desk, lines: readonly string[], now = new Date('2026-08-02T12:00:00Z')) {
  const text = `${['ID|Begin|Day|Limit|Value', ...lines].join('\n')}\n`;
  return desk.ingest(desk.write(NAME, text), { now: () => now });
}

describe('a rule on a column', () => {
  test.each([
    ['type: code, allowed: [M, F, X]', 'F', 'Q', 'not_allowed'],
    ['type: money, allowed: [0, "$1000.00"]', '1000', '1000.01', 'not_allowed'],
    ["type: code, pattern: '\\d{5}(-\\d{4})?'", '60601-1234', '60601-12345', 'bad_pattern'],
    ["type: code, pattern: '\\d{5}|none'", 'none', '606011', 'bad_pattern'],
    ['type: money, min: 0', '0.00', '-0.01', 'below_min'],
    ['type: integer, max: 120', '120', '121', 'above_max'],
    ['type: decimal, scale: 3, min: -0.5', '-0.500', '-0.501', 'below_min'],
    ['type: decimal, scale: 2, max: upper_limit', '10.12', '10.13', 'above_max'],
    ['type: date, min: 2020-01-01', '2020-01-01', '2019-12-31', 'below_min'],
    ['type: timestamp, zone: UTC, min: begin_at', '2026-08-01T06:00:00Z', '2026-08-01T05:59:59Z', 'below_min'],
    [
      'type: timestamp, precision: 3, min: begin_at',
      '2026-08-01T06:00:00.000Z',
      '2026-08-01T05:59:59.999Z',
      'below_min',
    ],
    ['type: timestamp, min: day', '2026-08-01T00:00:00Z', '2026-07-31T23:59:59Z', 'below_min'],
    ['type: timestamp, max: now', '2026-08-02T12:00:00Z', '2026-08-02T12:00:01Z', 'above_max'],
    // It is the third of August already where the day begins first.
    ['type: date, max: now', '2026-08-03', '2026-08-04', 'above_max'],
    ['type: date, min: now', '2026-08-02', '2026-08-01', 'below_min'],
  ])('%s takes %s and rejects %s as %s', async (column, good, bad, code) => {
    const desk = openDesk({ feed: feedWith(column) });
    const row = (id: string, value: string) => `${id}|2026-08-01 06:00:00|2026-08-01|10.125|${value}`;
    const outcome = await take(desk, [row('1', good), row('2', bad), row('3', '')]);
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { read: 3, inserted: 2, rejected: 1 } });
    expect(desk.rows('SELECT line, row_key, code, column_name FROM rejects')).toEqual([
      { line: 3, row_key: '2', code, column_name: 'value' },
    ]);
  });

  test('P8: names in its reason the column and what the feed says, never the value', async () => {
    const desk = openDesk({ feed: feedWith('type: integer, max: 120') });
    await take(desk, ['1||||8675309', '2||||1']);
    expect(desk.column('SELECT reason FROM rejects')).toEqual(['Value: more than 120']);
  });

  test('severity warn loads the row, and tells it by code with its first lines', async () => {
    const desk = openDesk({ feed: feedWith('type: integer, min: 0, max: 9, severity: warn') });
    const outcome = await take(desk, ['1||||10', '2||||-1', ...Array.from({ length: 8 }, (_, i) => `${i + 3}||||99`)]);
    const warnings = {
      above_max: { count: 9, lines: [2, 4, 5, 6, 7] },
      below_min: { count: 1, lines: [3] },
    };
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { inserted: 10, rejected: 0 }, warnings });
    expect(JSON.parse(String(desk.column('SELECT warnings FROM files')[0]))).toEqual(warnings);
  });

  test('severity quarantine refuses the whole file: every table is as it was before (P2)', async () => {
    const desk = openDesk({ feed: feedWith('type: code, allowed: [A], severity: quarantine') });
    const outcome = await take(desk, ['1||||A', '2||||B']);
    expect(outcome).toMatchObject({ kind: 'quarantined', code: 'rule_broken' });
    expect(desk.column('SELECT reason FROM files')).toEqual([
      'line 3: Value: not one of the values that the feed allows (allowed)',
    ]);
    expect(desk.column('SELECT count(*) FROM stays')).toEqual([0]);
  });

  test('is not asked of a row that is rejected anyhow, nor warned of', async () => {
    const desk = openDesk({ feed: feedWith('type: integer, max: 9, severity: warn') });
    const outcome = await take(desk, ['1|never|||99', '2||||1']);
    expect(outcome).toMatchObject({ counts: { rejected: 1 }, warnings: {} });
  });
});
