import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import type { Feed } from '../../src/model/feed.ts';
import { deriveKey } from '../../src/protection/key.ts';
import { tablesOf } from '../../src/store/table-model.ts';
import { drop, EXAMPLE_KEY, type Tried } from '../helpers/drop-files.ts';
import { feedFileName, feedFileText, type Row } from '../helpers/feed-files.ts';
import { FEED_FOLDER, openDesk, ROOT } from '../helpers/ingest.ts';
import { describePostgres } from '../helpers/postgres.ts';
import { serverSuite } from '../helpers/postgres-store.ts';
import { procedure, visit } from '../helpers/rows.ts';
import { tempFolder } from '../helpers/temp.ts';

/** The example of claims as it would be if it protected nothing. */
function claimsInTheClear(): Feed {
  const folder = join(tempFolder(), 'claims');
  cpSync(join(ROOT, 'examples/claims'), folder, { recursive: true });
  rewrite(join(folder, 'feed.yaml'), (text) => text.replaceAll(/, protect: \w+/g, ''));
  rewrite(join(folder, 'migrations/postgres/0001_claims.sql'), (text) =>
    text.replace(/birth_date( +)text/, 'birth_date$1date'),
  );
  return loadFeed(folder);
}

function rewrite(file: string, change: (text: string) => string): void {
  const text = readFileSync(file, 'utf8');
  expect(change(text)).not.toBe(text);
  writeFileSync(file, change(text));
}

const CLAIMS: readonly (readonly [string, readonly string[]])[] = [
  // Children first: they wait for what they refer to by its hash.
  [
    'claim/claim_20260728.csv',
    [
      'claim_id,patient_id,provider_id,diagnosis_code,service_date,billed_date,status,outstanding',
      'C1,P1,D1,1,2026-07-01T10:00:00Z,,OPEN,1',
      'C2,P2,D1,1,2026-07-01T10:00:00Z,,OPEN,2',
      'C3,P1,D1,1,2026-07-01T10:00:00Z,,OPEN,3',
      'C4,P9,D1,1,2026-07-01T10:00:00Z,,OPEN,4',
    ],
  ],
  ['provider/provider_20260728.csv', ['provider_id,name,specialty,state,zip', 'D1,Ada,GENERAL,MA,02115']],
  [
    'patient/patient_20260728.csv',
    [
      'patient_id,first_name,last_name,ssn,birth_date,gender,address,city,state,zip',
      'P1,Ann,Made-Up,999-00-0001,1980-02-03,F,1 Elm St,Boston,Massachusetts,02115',
      'P2,Ben,Made-Up,999-00-0002,1980-02-03,M,2 Elm St,Boston,Massachusetts,02115',
    ],
  ],
];

const APPOINTMENTS: readonly (readonly [string, readonly string[]])[] = [
  [
    'patients.csv',
    [
      'patient_id,name,birth_date,phone_number,address',
      'P1,Ann,1980-02-03,(617) 555-0123,"12 North Main Street, Apt. 5, Boston, Massachusetts 02115"',
      'P2,Ben,1980-02-03,+1 617.555.0123,"12 N MAIN ST APT 5, Boston, MA 02115"',
      'P3,Cay,1980-02-03,617-555-0124,"13 N Main St, Boston, MA 02115"',
    ],
  ],
];

function tryProtected(open: (feed: Feed) => Promise<Tried>): void {
  test('P9: a join of a protected key and what refers to it gives the same rows as in the clear', async () => {
    const joined = [];
    for (const feed of [loadFeed(join(ROOT, 'examples/claims')), claimsInTheClear()]) {
      const { store, rows } = await open(feed);
      await drop(store, tempFolder(), CLAIMS);
      joined.push({
        claims: await rows(
          'SELECT c.claim_id, p.gender, p.state FROM claims c JOIN patients p ON p.patient_id = c.patient_id ORDER BY 1',
        ),
        waiting: await rows("SELECT dataset, line, code FROM rejects WHERE state = 'waiting'"),
        keys: await rows('SELECT patient_id FROM patients ORDER BY 1'),
      });
    }
    const [hashed, clear] = joined;
    expect(clear?.claims).toHaveLength(3);
    expect(hashed?.claims).toEqual(clear?.claims);
    expect(clear?.waiting).toEqual([{ dataset: 'claim', line: 5, code: 'missing_parent' }]);
    expect(hashed?.waiting).toEqual(clear?.waiting);
    expect(clear?.keys).toEqual([{ patient_id: 'P1' }, { patient_id: 'P2' }]);
    for (const row of hashed?.keys ?? [])
      expect(row).toEqual({ patient_id: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  });

  test('P9: two spellings of a phone and of an address are one hash; under another key all are others', async () => {
    const feed = loadFeed(join(ROOT, 'examples/appointments'));
    const found: Record<string, string>[][] = [];
    for (const key of [EXAMPLE_KEY, deriveKey(new Uint8Array(32).fill(6))]) {
      const { store, rows } = await open(feed);
      await drop(store, tempFolder(), APPOINTMENTS, { key });
      found.push([...(await rows('SELECT name, phone, address FROM patients ORDER BY patient_id'))] as Record<
        string,
        string
      >[]);
    }
    const [[one, two, three] = [], others = []] = found;
    expect([one?.['phone'], one?.['address']]).toEqual([two?.['phone'], two?.['address']]);
    expect([one?.['phone'], one?.['address']]).not.toEqual([three?.['phone'], three?.['address']]);
    const values = (list: readonly Record<string, string>[]) => new Set(list.flatMap((row) => Object.values(row)));
    expect(values(others)).toHaveLength(7);
    expect(values(found[0] ?? []).isDisjointFrom(values(others))).toBe(true);
  });

  test('P9: the environment of the shipped feed protects all that it marks as patient data, in the tables that are there', async () => {
    const visits: readonly Row[] = [
      visit('V1', 'P1', { PatientID: 'ZQ1', PatientName: 'ZQName', DateOfBirth: '1980-02-03', PatientPhone: '617-555-0123', PatientAddress: 'ZQ Street' }),
      visit('V2', 'P1', { PatientID: 'ZQ2' }),
      visit('V3', 'P1', { PatientID: 'ZQ1' }),
    ]; // prettier-ignore
    const files: [string, string[]][] = [
      [feedFileName('Procedure', '20260801_060000'), feedFileText('Procedure', [procedure('P1')]).trimEnd().split('\n')],
      [feedFileName('Visit', '20260801_060000'), feedFileText('Visit', visits).trimEnd().split('\n')],
    ]; // prettier-ignore
    const pairs = `SELECT a.visit_id AS one, b.visit_id AS other FROM visits a JOIN visits b ON b.patient_id = a.patient_id AND b.visit_id > a.visit_id`;
    for (const environment of ['protected', null]) {
      const { store, rows } = await open(loadFeed(FEED_FOLDER, environment));
      await drop(store, tempFolder(), files);
      expect(await rows(pairs)).toEqual([{ one: 'V1', other: 'V3' }]);
      const found = await rows(
        `SELECT patient_id, patient_name, date_of_birth, patient_phone, patient_address FROM visits WHERE visit_id = 'V1'`,
      );
      const hash = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
      if (environment === null) expect(JSON.stringify(found)).toContain('ZQ1');
      else
        expect(found).toEqual([
          { patient_id: hash, patient_name: hash, date_of_birth: null, patient_phone: hash, patient_address: hash },
        ]);
    }
  });
}

describe('on SQLite', () => {
  tryProtected((feed) => {
    const desk = openDesk({ feed });
    return Promise.resolve({ store: desk.store, rows: (sql) => Promise.resolve(desk.rows(sql)) });
  });
});

describePostgres('on PostgreSQL', () => {
  const openServer = serverSuite();
  tryProtected(async (feed) => {
    const { store, client } = await openServer({ feed });
    return { store, rows: async (sql) => (await client.query<object>(sql)).rows };
  });
});

test('the environment of the shipped feed leaves its tables as they are, and no column of patient data in the clear', () => {
  expect(readdirSync(join(FEED_FOLDER, 'environments'))).toEqual(['protected.yaml']);
  const feed = loadFeed(FEED_FOLDER, 'protected');
  expect(tablesOf(feed)).toEqual(tablesOf(loadFeed(FEED_FOLDER)));
  const columns = feed.datasets.flatMap((dataset) => dataset.columns);
  expect(columns.filter(({ phi }) => phi).map(({ name }) => name)).toHaveLength(5);
  expect(columns.filter(({ phi, protect }) => phi !== (protect != null)).map(({ name }) => name)).toEqual([]);
});
