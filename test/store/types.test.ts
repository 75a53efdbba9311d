import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import type { ColumnType, Value } from '../../src/columns/column-type.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../../src/columns/registry.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { copyInto } from '../../src/store/postgres/copy.ts';
import { createRowEncoder } from '../../src/store/postgres/row-encoder.ts';
import { STORAGE_TYPES } from '../../src/store/postgres/scratch.ts';
import { tablesText } from '../../src/store/schema.ts';
import { openDesk } from '../helpers/ingest.ts';
import { describePostgres, freshDatabase } from '../helpers/postgres.ts';
import { tempFolder } from '../helpers/temp.ts';
import { taker } from '../columns/take.ts';

const TYPES = Object.entries<ColumnType>(COLUMN_TYPES);
const parametersOf = (type: ColumnType) => ({ precision: 3, ...type.examplesWith });

/** Texts that are taken, of each type, at the ends of what it takes among them. */
const TEXTS: Readonly<Record<ColumnTypeName, readonly string[]>> = {
  money: ['-90071992547409.91', '0', '12.30', '.5'],
  decimal: ['-12345678901234567890123456789012345.125', '0.5', '-0', '100'],
  integer: ['-9007199254740991', '0', '46', '9007199254740991'],
  number: ['42.047565000000006', '-1.7976931348623157e308', '46', '2.3e-308'],
  date: ['0001-01-01', '9999-12-31', '08/01/2026', '2024-02-29'],
  timestamp: ['0001-01-01T00:00:00.001Z', '9999-12-31T23:59:59.999Z', '2026-08-01 06:02:03', '1900-01-01T00:00Z'],
  boolean: ['Y', 'false', '1', 'N'],
  phone: ['(617) 555-0199', '617-555-0199 x007', '+1 413 555 0111', '7815550123'],
  address: ['12 Main Street, Boston, MA 02155', '7', 'PO Box 7', '1/2 José Road'],
  id: ['000123', '1.0', '12E34', "'"],
  code: ['0099', '1e5', '\\N', 'x'],
  text: ['José', '5" tube', 'a\\tb', '1.50'],
};
const COUNT = 4;

/** A row for each of the texts of a type. */
const ROWS = Array.from({ length: COUNT }, (_, at) => TYPES.map(([name]) => TEXTS[name as ColumnTypeName][at] ?? ''));

/** The rows as they are to be kept. */
const VALUES = ROWS.map((row) =>
  TYPES.map(([name, type], at) => taker(name as ColumnTypeName, parametersOf(type))(row[at] ?? '') as Value),
);

/** A feed of a parent, and a child with a column of each type. */
function everyTypeFeed() {
  const folder = tempFolder();
  const columns = TYPES.map(([name, { examplesWith = {}, parameters = [] }]) => {
    const more = { ...examplesWith, ...(parameters.includes('precision') ? { precision: 3 } : {}) };
    return `      - { header: C ${name}, name: c_${name}, type: ${name}${Object.entries(more).map(([key, value]) => `, ${key}: ${value}`).join('')} }\n`; // prettier-ignore
  });
  const file = join(folder, 'feed.yaml');
  writeFileSync(
    file,
    `feed: every\nfiles:\n  prefix: Every_\n  extension: .txt\ndatasets:
  - name: Parent\n    table: parents\n    columns:\n      - { header: ParentID, name: parent_id, type: id }
  - name: Child\n    table: children\n    columns:\n      - { header: ChildID, name: child_id, type: id }
      - { header: ParentID, name: parent_id, type: id, references: parents }\n${columns.join('')}`,
  );
  const feed = loadFeed(file);
  mkdirSync(join(folder, 'migrations/sqlite'), { recursive: true });
  writeFileSync(join(folder, 'migrations/sqlite/0001_every.sql'), tablesText(feed, 'sqlite'));
  return feed;
}

test('every type, in SQLite: rows that were inserted, that waited, and that came again hold what was taken', async () => {
  const desk = openDesk({ feed: everyTypeFeed() });
  const file = (name: string, day: number, lines: readonly (readonly string[])[]) =>
    desk.write(`Every_${name}_[2026080${day}_060000].txt`, lines.map((line) => `${line.join('|')}\n`).join(''));
  const header = ['ChildID', 'ParentID', ...TYPES.map(([name]) => `C ${name}`)];
  const cells = (row: readonly string[]) =>
    row.map((cell) => (cell.includes('"') ? `"${cell.replaceAll('"', '""')}"` : cell));
  const children = (parent: string) => ROWS.map((row, at) => [`${parent}${at}`, parent, ...cells(row)]);

  const waiting = await desk.ingest(file('Child', 1, [header, ...children('A')]));
  expect(waiting).toMatchObject({ kind: 'ingested', counts: { read: COUNT, waiting: COUNT } });
  await desk.ingest(file('Parent', 2, [['ParentID'], ['A'], ['B']]));
  expect(await desk.ingest(file('Child', 3, [header, ...children('B')]))).toMatchObject({
    counts: { inserted: COUNT },
  });
  const again = await desk.ingest(file('Child', 4, [header, ...children('A'), ...children('B')]));
  expect(again).toMatchObject({ counts: { unchanged: 2 * COUNT } });

  const names = TYPES.map(([name]) => `c_${name}`).join(', ');
  for (const parent of ['A', 'B'])
    expect(desk.rows(`SELECT ${names} FROM children WHERE parent_id = '${parent}' ORDER BY child_id`).map(Object.values)).toEqual(VALUES); // prettier-ignore
});

describePostgres('every type, in PostgreSQL', () => {
  test('rows that are copied, and rows that waited as a record, hold what was taken', async () => {
    await using database = await freshDatabase('en-US');
    const client = new pg.Client({ ...database.place, types: { getTypeParser: () => String } });
    await client.connect();
    try {
      const declared = TYPES.map(([name, { storage }]) => `c_${name} ${STORAGE_TYPES[storage]}`);
      await client.query(
        `CREATE TEMPORARY TABLE t (_seq bigint, _offset bigint, _length bigint, ${declared.join(', ')})`,
      );
      const encoder = createRowEncoder();
      for (const [at, values] of VALUES.entries()) encoder.add({ line: at, byteOffset: 0, byteLength: 0 }, values);
      await copyInto(client, 't', encoder.take((size) => new ArrayBuffer(size)).rows);

      const kept = TYPES.map(([name, { storage }]) => printed(`c_${name}`, storage)).join(', ');
      const healed = TYPES.map(([name, { storage }]) =>
        printed(`(r.record ->> 'c_${name}')::${STORAGE_TYPES[storage]}`, storage),
      ).join(', ');
      const asText = VALUES.map((row) => row.map(String));
      const ask = async (sql: string) => (await client.query<string[]>({ text: sql, rowMode: 'array' })).rows;
      expect(await ask(`SELECT ${kept} FROM t ORDER BY _seq`)).toEqual(asText);
      expect(await ask(`SELECT ${healed} FROM (SELECT _seq, to_jsonb(t) AS record FROM t) r ORDER BY _seq`)).toEqual(
        asText,
      );
    } finally {
      await client.end();
    }
  });
});

/** SQL for a value as the mapper gives it. */
function printed(value: string, storage: ColumnType['storage']): string {
  if (storage === 'timestamp') return `to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  if (storage === 'boolean') return `${value}::integer`;
  return value;
}
