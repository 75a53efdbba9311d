import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { COLUMN_TYPES, type ColumnTypeName } from '../../../src/columns/registry.ts';
import { declarationFor, keepsValues } from '../../../src/store/sqlite/affinity.ts';

/** Values of each type as they are bound, among them those that look like something else. */
const VALUES: Readonly<Record<ColumnTypeName, readonly (string | number)[]>> = {
  id: ['000123', '12E34', '1.0', '+5', '-0', '9007199254740993', '0x10', 'Inf', 'aB-9'],
  code: ['0099', '1e5', 'C1'],
  text: ['7', 'text'],
  money: [0, -1, 5, 9007199254740991, -9007199254740991],
  decimal: ['0.50', '-12.00', '7', '12345678901234567890.123'],
  integer: [0, -1, 46, 9007199254740991],
  number: [0.1, 42.047565000000006, 46, -7.5e-300, 1e300, 1e21],
  timestamp: ['2026-08-01T06:02:03Z', '0001-01-01T00:00:00.250Z'],
  boolean: [0, 1],
  phone: ['6175550199', '6175550199x12'],
  address: ['12 N MAIN ST APT 5 BOSTON MA 02155', '7'],
  date: ['2026-08-01', '0001-01-01', '9999-12-31', '2026-08-01T06:02:03Z'],
};

const TYPES = Object.keys(VALUES) as ColumnTypeName[];
const LOOSE = [
  ...[
    '',
    'TEXT',
    'text',
    'VARCHAR(20)',
    'NCHAR(2)',
    'CLOB',
    'BLOB',
    'INT',
    'INTEGER',
    'bigint',
    'FLOATING POINT',
    'CHARINT',
  ],
  ...[
    'REAL',
    'DOUBLE PRECISION',
    'FLOAT',
    'DECIMAL(10,2)',
    'NUMERIC',
    'DATE',
    'DATETIME',
    'BOOLEAN',
    'STRING',
    'ANY',
    'JSON',
  ],
];
const STRICT = ['INT', 'INTEGER', 'REAL', 'TEXT', 'text', 'BLOB', 'ANY', 'any'];

/** Whether SQLite itself gives back all of the values as they were. */
function isKept(values: readonly (string | number)[], declared: string, strict: boolean): boolean {
  const db = new Database(':memory:');
  db.exec(`CREATE TABLE t (value ${declared}) ${strict ? 'STRICT' : ''}`);
  const insert = db.prepare('INSERT INTO t SELECT ? ->> 0 RETURNING value, typeof(value) AS type');
  return values.every((value) => {
    try {
      const row = insert.get(JSON.stringify([value])) as { value: unknown; type: string };
      expect(row.value).toBe(value);
      // A whole number may be kept as a real one, where the type has both.
      if (values.every(Number.isSafeInteger)) expect(row.type).toBe('integer');
      return true;
    } catch {
      return false;
    }
  });
}

test.each([
  [LOOSE, false],
  [STRICT, true],
])(
  'P6: a column is said to keep the values of a type just where SQLite keeps them: %j, strict: %s',
  (declared, strict) => {
    const all = declared.flatMap((one) => TYPES.map((type) => `${type} in ${one}`));
    const kept = (keeps: (type: ColumnTypeName, one: string) => boolean) =>
      all.filter((_, at) => keeps(TYPES[at % TYPES.length] ?? 'text', declared[Math.floor(at / TYPES.length)] ?? ''));
    expect(kept((type, one) => keepsValues(COLUMN_TYPES[type].storage, one, strict))).toEqual(
      kept((type, one) => isKept(VALUES[type], one, strict)),
    );
  },
);

test.each(TYPES)('what is advised for %s keeps its values', (type) => {
  expect(keepsValues(COLUMN_TYPES[type].storage, declarationFor(COLUMN_TYPES[type].storage), false)).toBe(true);
  expect(keepsValues(COLUMN_TYPES[type].storage, declarationFor(COLUMN_TYPES[type].storage), true)).toBe(true);
});
