import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LandfallError } from '../../src/model/errors.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { COLUMNS, DATASET_NAMES } from '../helpers/feed-files.ts';
import { tempFolder } from '../helpers/temp.ts';

const VISITPAY = join(import.meta.dirname, '../../feeds/visitpay/feed.yaml');

const HEAD = `feed: clinic
files:
  prefix: Clinic_
  extension: .txt
datasets:
`;

function dataset(name: string, table: string, columns: readonly string[]): string {
  return `  - name: ${name}\n    table: ${table}\n    columns:\n${columns.map((column) => `      - { ${column} }\n`).join('')}`;
}

const PARENT = dataset('Patient', 'patients', ['header: PatientID, name: patient_id, type: id']);

function load(text: string): ReturnType<typeof loadFeed> {
  const path = join(tempFolder(), 'feed.yaml');
  writeFileSync(path, text);
  return loadFeed(path);
}

/** The message of the error that loading gives, without the file's path. */
function faultOf(text: string): string {
  try {
    load(text);
  } catch (error) {
    return error instanceof LandfallError ? error.message.replace(/^\S+ /, '') : 'another error';
  }
  return 'no fault';
}

test('the visitpay feed has the documented datasets and columns', () => {
  const feed = loadFeed(VISITPAY);
  expect(feed.datasets.map((one) => one.name)).toEqual(DATASET_NAMES);
  for (const one of feed.datasets) {
    expect(one.columns.map((column) => column.header)).toEqual(COLUMNS[one.name as keyof typeof COLUMNS]);
  }
  const required = feed.datasets.map((one) =>
    one.columns.filter((column) => column.required).map((column) => column.name),
  );
  expect(required).toEqual([
    ['procedure_id', 'procedure_code'],
    ['visit_id', 'procedure_id', 'patient_id', 'visit_date'],
    ['transaction_id', 'visit_id', 'transaction_date', 'transaction_type', 'amount_cents'],
  ]);
  const references = feed.datasets.flatMap((one) =>
    one.columns.flatMap((column) =>
      column.references === null ? [] : [`${one.table}.${column.name} → ${column.references}`],
    ),
  );
  expect(references).toEqual([
    'visits.procedure_id → procedures',
    'transactions.visit_id → visits',
    'transactions.procedure_id → procedures',
  ]);
  expect(feed.datasets.flatMap((one) => one.columns).filter((column) => column.phi)).toHaveLength(5);
});

test('the hash is that of the bytes of the definition', () => {
  expect(loadFeed(VISITPAY).hash).toBe(createHash('sha256').update(readFileSync(VISITPAY)).digest('hex'));
});

test('datasets come parents first, and else as they stand', () => {
  const visits = dataset('Visit', 'visits', [
    'header: VisitID, name: visit_id, type: id',
    'header: PatientID, name: patient_id, type: id, references: patients',
  ]);
  const rooms = dataset('Room', 'rooms', ['header: RoomID, name: room_id, type: id']);
  expect(load(HEAD + visits + rooms + PARENT).datasets.map((one) => one.table)).toEqual([
    'rooms',
    'patients',
    'visits',
  ]);
});

test('the key is always required', () => {
  expect(load(HEAD + PARENT).datasets[0]?.key.required).toBe(true);
});

test('a dataset may have as many columns as a table of SQLite has room for, and not one more', () => {
  const columns = Array.from({ length: 1991 }, (_, index) => `header: H${index}, name: c${index}, type: text`);
  expect(load(HEAD + dataset('Wide', 'wide', columns.slice(1))).datasets[0]?.columns).toHaveLength(1990);
  expect(faultOf(HEAD + dataset('Wide', 'wide', columns))).toBe(
    'line 9, datasets[0].columns: has more than 1990 columns, the most that a table of the database can take',
  );
});

test('a circle of references is an error that names its tables', () => {
  const child = (name: string, parent: string): string =>
    dataset(name, `${name.toLowerCase()}s`, [
      'header: ID, name: id, type: id',
      `header: Other, name: other, type: id, references: ${parent}`,
    ]);
  expect(faultOf(HEAD + PARENT + child('A', 'bs') + child('B', 'cs') + child('C', 'bs'))).toMatch(
    /^line 15, datasets\[2\]: a circle of references: bs → cs → bs$/,
  );
  expect(faultOf(HEAD + child('A', 'as'))).toBe(
    'line 10, datasets[0].columns[1].references: a circle: as refers to itself',
  );
});

test.each([
  [
    'a reference to a table that is not there',
    'header: A, name: a, type: id, references: wards',
    'references: no dataset has the table wards',
  ],
  [
    'a reference of another type than the key',
    'header: A, name: a, type: date, references: patients',
    'a date cannot refer to patients.patient_id',
  ],
  ['an unknown type', 'header: A, name: a, type: moeny', 'columns[1].type: must be one of'],
  [
    'a column name that is no identifier',
    "header: A, name: 'a\"; drop', type: id",
    'columns[1].name: must be lower-case letters',
  ],
  ['a reserved column name', 'header: A, name: source_line, type: id', 'columns[1].name: must not begin with source_'],
  ["a name of SQLite's own", 'header: A, name: rowid, type: id', 'columns[1].name: is a name that SQLite keeps'],
  [
    'a column name that is there twice',
    'header: A, name: k, type: id',
    'columns[1].name: is the same column as datasets[1].columns[0].name',
  ],
  [
    'two headers that are read alike',
    'header: k_, name: a, type: id',
    'columns[1].header: is the same header as datasets[1].columns[0].header',
  ],
  [
    'an alias that is a header',
    'header: A, aliases: [B, K], name: a, type: id',
    'columns[1].aliases[1]: is the same header as',
  ],
  [
    'a header without a letter',
    "header: '--', name: a, type: id",
    'columns[1].header: has neither a letter nor a digit',
  ],
  ['an unknown word', 'header: A, name: a, type: id, requierd: true', 'columns[1].requierd: is not known here'],
  ['a missing field', 'header: A, name: a', 'columns[1].type: is missing'],
  [
    'optional and required at once',
    'header: A, name: a, type: id, optional: true, required: true',
    'columns[1].optional: cannot be: the column is required',
  ],
])('%s is named with its line and path', (_, column, message) => {
  const text = HEAD + PARENT + dataset('Child', 'children', ['header: K, name: k, type: id', column]);
  expect(faultOf(text)).toContain(message);
  expect(faultOf(text)).toContain('line 14, datasets[1].columns[1]');
});

test.each([
  [
    'a key of money',
    HEAD + dataset('A', 'as', ['header: A, name: a, type: money']),
    'it must be phone, address, id, code or text',
  ],
  [
    'an optional key',
    HEAD + dataset('A', 'as', ['header: A, name: a, type: id, optional: true']),
    'the first column is the key',
  ],
  [
    "a table of the ledger's",
    HEAD + dataset('A', 'files', ['header: A, name: a, type: id']),
    'the name of a table of the ledger',
  ],
  [
    'a table that is there twice',
    HEAD + PARENT + PARENT.replace('Patient', 'Person'),
    'is the same table as datasets[0].table',
  ],
  [
    'two datasets that differ in capitals',
    HEAD + PARENT + PARENT.replace('Patient', 'PATIENT').replace('patients', 'p'),
    'is the same dataset as',
  ],
  ['no dataset', HEAD.replace('datasets:', 'datasets: []'), 'line 5, datasets: has no dataset'],
  ['an empty file', '', 'the file:'],
  [
    'a null word that YAML reads as null',
    `${HEAD}${PARENT}format: { nulls: [NULL] }\n`,
    'format.nulls[0]: must be a text: put it in quotes',
  ],
  [
    'a delimiter that YAML reads as null',
    `${HEAD}${PARENT}format: { delimiter: ~ }\n`,
    'format.delimiter: must be a text',
  ],
  ['a share above 1', `${HEAD}${PARENT}max_bad_rows: 50\n`, 'max_bad_rows: must be a share from 0 to 1 (it is 50)'],
  ['a prefix with a folder', HEAD.replace('Clinic_', '../x') + PARENT, 'line 3, files.prefix'],
  ['a key that is there twice', `feed: other\n${HEAD}${PARENT}`, 'line 2: Map keys must be unique'],
  ['text that is not YAML', 'feed: [', 'line 1'],
])('%s is refused', (_, text, message) => {
  expect(faultOf(text)).toContain(message);
});

test('all faults are named at once', () => {
  const text = HEAD + dataset('A', 'As', ['header: A, name: a, type: nothing', 'header: B, type: id']);
  expect(faultOf(text)).toMatch(/^3 problems:\n {2}line 7, .*\n {2}line 9, .*\n {2}line 10, /);
});

test('a file that is not there, or not text, is an error that names it', () => {
  const folder = tempFolder();
  expect(() => loadFeed(join(folder, 'none.yaml'))).toThrow(
    /none\.yaml cannot be read \(ENOENT\) \(name another with --feed\)/,
  );
  writeFileSync(join(folder, 'latin.yaml'), Buffer.from('feed: caf\xe9', 'latin1'));
  expect(() => loadFeed(join(folder, 'latin.yaml'))).toThrow(/latin\.yaml is not UTF-8 text/);
});

test('aliases that swell without bound are refused, not followed', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const letter of ['b', 'c', 'd', 'e']) {
    const before = String.fromCharCode(letter.charCodeAt(0) - 1);
    bomb.push(`${letter}: &${letter} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`);
  }
  expect(faultOf(bomb.join('\n'))).toContain('Excessive alias count');
});

test('a column says of its type what that type takes, and what it needs', () => {
  const typed = (columns: string) =>
    load(HEAD + PARENT + `      - { header: X, name: x, ${columns} }\n`).datasets[0]?.columns[1]?.parameters;
  expect(typed('type: decimal, scale: 3')).toEqual({ scale: 3 });
  expect(typed('type: timestamp, zone: America/Chicago, precision: 3')).toEqual({
    zone: 'America/Chicago',
    precision: 3,
  });
  expect(typed('type: phone, country: GB')).toEqual({ country: 'GB' });
  expect(typed('type: text')).toEqual({});

  const fault = (columns: string) => faultOf(HEAD + PARENT + `      - { header: X, name: x, ${columns} }\n`);
  const at = 'line 10, datasets[0].columns[1]';
  expect(fault('type: decimal')).toBe(`${at}.scale: is missing: a column of type decimal needs it`);
  expect(fault('type: text, scale: 2')).toBe(`${at}.scale: is nothing that a column of type text takes`);
  expect(fault('type: decimal, scale: 39')).toBe(`${at}.scale: must be a whole number from 0 to 38 (it is 39)`);
  expect(fault('type: timestamp, zone: Gotham')).toBe(
    `${at}.zone: is no time zone; expected for example America/Chicago (it is "Gotham")`,
  );
  expect(fault('type: phone, country: us')).toBe(
    `${at}.country: is no country; expected two capitals, for example US (it is "us")`,
  );
});
