import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { init } from '../../src/commands/init.ts';
import { readFileName } from '../../src/feed/file-name.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { captureIo } from '../helpers/command-io.ts';
import { MIGRATIONS, openDesk } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

/** Files in a temporary folder; gives that. */
function samplesOf(files: Readonly<Record<string, string>>): string {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Runs `init`; gives the feed's folder, its definition and what was printed. */
async function propose(samples: string, name = 'clinic') {
  const io = captureIo();
  const out = join(tempFolder(), name);
  await init({ samples: [samples], out }, io);
  return { out, text: readFileSync(join(out, 'feed.yaml'), 'utf8'), said: io.written };
}

const PATIENTS = `patient_id,name,birth_date,phone_number,address
P1,Ann Smith,2014-10-06,(781) 555-0171,"784 Stamm Lock Unit 46, Somerville, MA 02155"
P2,Bob Jones,2008-04-07,781.555.0157,"171 Kemmer Neck Apt 30, Mashpee, Massachusetts "
P3,Cid Brown,1999-01-31,call me,1 Main St
P4,Dee White,1999-02-28,617-555-0199 x12,2 Main St
P5,Eve Black,1999-03-31,6175550198,3 Main St
`;
const VISITS = `visit_id,patient_id,started_at,amount,dose,units
V1,P1,2023-01-27T16:17:47Z,12.50,0.125,1
V2,P2,2023-10-10T04:17:47+00:00,7,2,12
V3,P9,2009-09-13T11:33:59Z,0.30,1.5,3
`;

test('files with one name for each dataset: the feed takes them, with types, keys and references', async () => {
  const samples = { 'patients.csv': PATIENTS, 'visits.csv': VISITS, 'notes.md': 'none' };
  const { out, text, said } = await propose(samplesOf(samples));
  expect(said.err).toBe('left out: notes.md: none of .csv, .txt, .tsv, .psv, .dat, .tab\n');
  expect(said.out).toContain('guessed from patients (5 rows), visits (3 rows)');
  const feed = loadFeed(out);
  expect(feed.name).toBe('clinic');
  expect(feed.datasets.map(({ name, columns }) => [name, ...columns.map((column) => `${column.name} ${column.type}`)])).toEqual([
    ['patients', 'patient_id id', 'name text', 'birth_date date', 'phone_number phone', 'address address'],
    ['visits', 'visit_id id', 'patient_id id', 'started_at timestamp', 'amount_cents money', 'dose decimal', 'units integer'],
  ]); // prettier-ignore
  expect(feed.datasets[1]?.columns[1]?.references).toBe('patients');
  expect(feed.datasets[1]?.columns[4]?.parameters).toEqual({ scale: 3 });
  expect(feed.datasets[0]?.columns.map(({ phi }) => phi)).toEqual([true, true, true, true, true]);

  const desk = openDesk({ feed, migrations: MIGRATIONS });
  const patients = await desk.ingest(desk.write('patients.csv', PATIENTS));
  expect(patients).toMatchObject({ counts: { read: 5, inserted: 4, rejected: 1 } });
  const visits = await desk.ingest(desk.write('visits.csv', VISITS));
  expect(visits).toMatchObject({ counts: { read: 3, inserted: 2, waiting: 1 } });
  expect(desk.rows('SELECT amount_cents, dose FROM visits ORDER BY visit_id')).toEqual([
    { amount_cents: 1250, dose: '0.125' },
    { amount_cents: 700, dose: '2.000' },
  ]);

  // Each guess has its reason, and none holds a value (P8).
  const lines = text.split('\n').filter((line) => line.includes('- { header:'));
  expect(lines.every((line) => / # \S/.test(line))).toBe(true);
  expect(text).toContain('# 1 of 5 values do not fit: their rows would be refused');
  expect(text).toContain('# 67 % of its values are keys of patients');
  const values = [...`${PATIENTS}${VISITS}`.split('\n').slice(1).join(',').split(/[,"]+/)].filter((value) => /\d.*\D|\D.*\d/.test(value)); // prettier-ignore
  for (const value of [...values, 'Ann', 'Smith', 'call me'])
    if (value.length > 2) expect(text).not.toContain(value.trim());
});

test.each([
  ['a stamp', { 'providers_2023-01-31.csv': 'id,zip\nA1,02155\nA2,02139\n', 'providers_2023-02-28.csv': 'id,zip,note\nA1,02155,x\n' }, ['providers']],
  ['a folder for each', { 'visit/visit_20230128.csv': VISITS, 'patient/patient_20230128.csv': PATIENTS }, ['patient', 'visit']],
  ['parts', { 'visits/part-0000.csv': VISITS, 'visits/part-0001.csv': VISITS }, ['visits']],
  ['a prefix and brackets', { 'A_Pay_Visit_[20230128_060000].txt': VISITS.replaceAll(',', '|'), 'A_Pay_Patient_[20230128_060000].txt': PATIENTS }, ['Patient', 'Visit']],
])('%s: every file is taken as its dataset', async (_, files, datasets) => {
  const { out } = await propose(samplesOf(files));
  const feed = loadFeed(out);
  expect(feed.datasets.map(({ name }) => name)).toEqual(datasets);
  for (const name of Object.keys(files)) expect(readFileName(feed, name).kind, name).toBe('taken');
  openDesk({ feed, migrations: MIGRATIONS });
}); // prettier-ignore

test('a key of several columns: lines of claims are told apart by their number', async () => {
  const lines = 'claim_id,line_number,amount\nC1,1,5.00\nC1,2,5.00\nC2,1,5.00\nC2,10,5.00\n';
  const claims = 'claim_id,status\nC1,open\nC2,open\n';
  const { out } = await propose(samplesOf({ 'claim/claim_20230128.csv': claims, 'line/line_20230128.csv': lines }));
  const feed = loadFeed(out);
  expect(feed.datasets[1]?.keys.map(({ name, type, references }) => [name, type, references])).toEqual([
    ['claim_id', 'id', 'claims'],
    ['line_number', 'integer', null],
  ]);
  const desk = openDesk({ feed, migrations: MIGRATIONS });
  mkdirSync(join(desk.landing, 'claim'));
  mkdirSync(join(desk.landing, 'line'));
  await desk.ingest(desk.write('claim/claim_20230128.csv', claims));
  expect(await desk.ingest(desk.write('line/line_20230128.csv', lines))).toMatchObject({ counts: { inserted: 4 } });
});

test('a column that some files lack is optional; words for nothing and days before months are seen', async () => {
  const { out } = await propose(
    samplesOf({
      'orders_20230101.csv': 'id,day,units,total\nA1,31/12/2022,NULL,"1,200.50"\n',
      'orders_20230201.csv': 'id,day,total\nA1,01/01/2023,5\n',
    }),
  );
  const feed = loadFeed(out);
  expect(feed.format).toMatchObject({ dateOrder: 'day-first', nulls: ['NULL'], thousandsSeparator: true });
  expect(feed.datasets[0]?.columns.map(({ name, type, optional }) => `${name} ${type} ${optional}`)).toEqual([
    'id id false',
    'day date false',
    'units text true',
    'total_cents money false',
  ]);
});

test.each([
  ['there is no file to make a proposal from', { 'notes.md': 'none' }],
  ['the names of the files follow more than one pattern', { 'a/a.csv': VISITS, 'b_20230128.csv': VISITS }],
  ['no file of visits has a row', { 'visits.csv': 'visit_id,patient_id\n' }],
  [
    'no file of visits has a row (visits.csv: its first line is no header: it holds values)',
    { 'visits.csv': 'P1,2014-10-06\nP2,2008-04-07\n' },
  ],
  [
    'no file of visits has a row (visits.csv: a column stands twice in its header)',
    { 'visits.csv': 'visit_id,Visit ID\nV1,V2\n' },
  ],
  ['nothing identifies a row of visits', { 'visits.csv': 'a,b\nx,y\nx,y\n' }],
])('%s: that is told', async (problem, files) => {
  await expect(propose(samplesOf(files))).rejects.toThrow(problem);
});

test('a folder that holds something is left as it is', async () => {
  const out = samplesOf({ 'feed.yaml': 'mine' });
  await expect(init({ samples: [samplesOf({ 'visits.csv': VISITS })], out }, captureIo())).rejects.toThrow(
    'holds something',
  );
  expect(readFileSync(join(out, 'feed.yaml'), 'utf8')).toBe('mine');
});
