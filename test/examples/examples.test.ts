import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import { feedMigrations, type SqlDialect } from '../../src/feed/sql-files.ts';
import type { Feed } from '../../src/model/feed.ts';
import { createHasher } from '../../src/protection/hash-value.ts';
import { tablesOf } from '../../src/store/table-model.ts';
import { drop, EXAMPLE_KEY, type Tried } from '../helpers/drop-files.ts';
import { openDesk, ROOT } from '../helpers/ingest.ts';
import { describePostgres } from '../helpers/postgres.ts';
import { serverSuite } from '../helpers/postgres-store.ts';
import { tempFolder } from '../helpers/temp.ts';

const EXAMPLES = join(ROOT, 'examples');

/** Values in the clear beside others that are stored as their hashes. */
function hashed(clear: object, values: Readonly<Record<string, string>>): object {
  const hash = createHasher(EXAMPLE_KEY.hashing);
  return { ...clear, ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, hash(value)])) };
}

/** What is dropped for an example, and what must be in the tables then, in any order of arrival. */
interface Example {
  /** File names with their lines; those further down were made later. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** Queries, each with its rows. */
  readonly results: Readonly<Record<string, readonly object[]>>;
  /** Names of files that a check holds. */
  readonly held?: readonly string[];
  /** What waits or is rejected: dataset, state and code. */
  readonly rejects: readonly string[];
}

const ALL: Readonly<Record<string, Example>> = {
  appointments: {
    files: {
      'patients.csv': [
        'patient_id,name,birth_date,phone_number,address',
        'P1,Ann Made-Up,1980-02-03,(617) 555-0123,"12 North Main Street, Apt. 5, Boston, Massachusetts 02115"',
        'P2,Ben Made-Up,1990-12-31,617.555.0124 x7,"1 Elm St, Boston, MA 02115"',
        ',No Id,1980-02-03,617-555-0111,"1 Main St, Boston, MA 02101"',
        'P4,Bad Phone,1980-02-03,12-34,"1 Main St, Boston, MA 02101"',
      ],
      'appointments.csv': [
        'appointment_id,patient_id,patient_name,patient_phone,patient_address,appointment_date,appointment_type',
        'A1,P1,Ann Made-Up,+1 617 555 0123,"12 N MAIN ST APT 5, Boston, MA 02115",2026-08-01T10:00:00Z,ambulatory',
        'A2,P2,Ben Made-Up,6175550124,"1 Elm Street, Boston, MA 02115",2026-08-02T10:00:00-04:00,wellness',
        'A3,nobody,No Body,6175550111,"1 Main St, Boston, MA 02101",2026-08-03T10:00:00Z,ambulatory',
        'A4,P1,Ann Made-Up,6175550123,"12 N Main St Apt 5, Boston, MA 02115",2026-02-30T10:00:00Z,ambulatory',
      ],
    },
    results: {
      // Hashed under the key of these tests.
      'SELECT patient_id, name, phone, address FROM patients ORDER BY 1': [
        hashed({ patient_id: 'P1' }, { name: 'Ann Made-Up', phone: '6175550123', address: '12 N MAIN ST APT 5 BOSTON MA 02115' }),
        hashed({ patient_id: 'P2' }, { name: 'Ben Made-Up', phone: '6175550124x7', address: '1 ELM ST BOSTON MA 02115' }),
      ], // prettier-ignore
      'SELECT appointment_id, name, phone_at_appointment FROM appointments_with_patients ORDER BY 1': [
        hashed({ appointment_id: 'A1' }, { name: 'Ann Made-Up', phone_at_appointment: '6175550123' }),
        hashed({ appointment_id: 'A2' }, { name: 'Ben Made-Up', phone_at_appointment: '6175550124' }),
      ],
      // The same phone and address in another spelling: without its extension a phone is another one.
      [`SELECT appointment_id FROM appointments_with_patients WHERE phone = phone_at_appointment AND address = address_at_appointment`]:
        [{ appointment_id: 'A1' }],
    },
    rejects: [
      'appointments rejected bad_timestamp',
      'appointments waiting missing_parent',
      'patients rejected bad_phone',
      'patients rejected missing_value',
    ],
  },
  providers: {
    files: {
      'providers_2026-07-31.csv': [
        'id,name,specialty,address,city,state,zip,utilization,lat,lon',
        'D1,Ada Made-Up,GENERAL PRACTICE,1 ELM STREET,BOSTON,MA,02115,46,42.35,-71.06',
        'D2,Bea Made-Up,GENERAL PRACTICE,2 ELM STREET,BOSTON,MA,2115,5,42.36,-71.07',
      ],
      'providers_2026-08-31.csv': [
        'id,name,specialty,address,city,state,zip,utilization,lat,lon',
        'D1,Ada Made-Up,CARDIOLOGY,1 ELM STREET,BOSTON,MA,02115-1234,50,42.35,-71.06',
        'D2,Bea Made-Up,GENERAL PRACTICE,2 ELM STREET,BOSTON,MA,2115,5,42.36,-71.07',
        'D3,Cay Made-Up,GENERAL PRACTICE,3 ELM STREET,BOSTON,MA,02116,7,42.37,-71.08',
      ],
    },
    results: {
      'SELECT provider_id, specialty, zip, longitude FROM providers ORDER BY 1': [
        { provider_id: 'D1', specialty: 'CARDIOLOGY', zip: '02115-1234', longitude: -71.06 },
        { provider_id: 'D2', specialty: 'GENERAL PRACTICE', zip: '2115', longitude: -71.07 },
        { provider_id: 'D3', specialty: 'GENERAL PRACTICE', zip: '02116', longitude: -71.08 },
      ],
      'SELECT specialty, providers FROM providers_by_state ORDER BY 1': [
        { specialty: 'CARDIOLOGY', providers: 1 },
        { specialty: 'GENERAL PRACTICE', providers: 2 },
      ],
      'SELECT count(*) AS warned FROM files WHERE warnings IS NOT NULL': [{ warned: 2 }],
    },
    rejects: [],
  },
  claims: {
    files: {
      'patient/patient_20260728.csv': [
        'patient_id,first_name,last_name,ssn,birth_date,gender,address,city,state,zip',
        'P1,Ann,Made-Up,999-00-0001,1980-02-03,F,1 Elm St,Boston,Massachusetts,02115',
      ],
      'provider/provider_20260728.csv': [
        'provider_id,name,specialty,state,zip',
        'D1,Ada Made-Up,GENERAL PRACTICE,MA,2115',
      ],
      'claim/claim_20260728.csv': [
        'claim_id,patient_id,provider_id,diagnosis_code,service_date,billed_date,status,outstanding',
        'C1,P1,D1,160903007,2026-07-01T10:00:00Z,2026-07-02T10:00:00Z,OPEN,12.50',
        'C2,P1,D1,160903007,2026-07-03T10:00:00Z,2026-07-03T10:00:00Z,OPEN,0',
      ],
      'claim_line/claim_line_20260728.csv': [
        'claim_id,line_number,procedure_code,service_date,units,amount',
        'C1,1,162673000,2026-07-01T10:00:00Z,1,129.16',
        'C1,2,140,2026-07-01T10:00:00Z,1,140.52',
        'C2,1,140,2026-07-03T10:00:00Z,2,0.01',
        'C1,2,140,2026-07-01T10:00:00Z,3,140.52',
      ],
      'patient/patient_20260928.csv': [
        'patient_id,first_name,last_name,ssn,birth_date,gender,address,city,state,zip',
        'P3,Cay,Made-Up,999-00-0003,1980-02-03,F,3 Elm St,Boston,Massachusetts,02115',
        'P4,Dee,Made-Up,999-00-0004,1980-02-03,F,4 Elm St,Boston,Massachusetts,02115',
        'P5,Eve,Made-Up,999-00-0003,1980-02-03,F,5 Elm St,Boston,Massachusetts,02115',
      ],
      'claim/claim_20260828.csv': [
        'claim_id,patient_id,provider_id,diagnosis_code,service_date,billed_date,status,outstanding',
        'C1,P1,D1,160903007,2026-07-01T10:00:00Z,2026-07-02T10:00:00Z,CLOSED,0',
      ],
      'claim_line/claim_line_20260828.csv': [
        'claim_id,line_number,procedure_code,service_date,units,amount',
        'C1,1,162673000,2026-07-01T10:00:00Z,1,100.00',
      ],
    },
    results: {
      'SELECT claim_id, line_number, units, amount_cents FROM claim_lines ORDER BY 1, 2': [
        { claim_id: 'C1', line_number: 1, units: 1, amount_cents: 10000 },
        { claim_id: 'C1', line_number: 2, units: 3, amount_cents: 14052 },
        { claim_id: 'C2', line_number: 1, units: 2, amount_cents: 1 },
      ],
      'SELECT patient_id, first_name, last_name, ssn, birth_date, address, city, zip FROM patients': [
        {
          ...hashed({}, { patient_id: 'P1', ssn: '999-00-0001', address: '1 ELM ST' }),
          ...{ first_name: 'A**', last_name: 'M***-**', birth_date: '1980', city: null, zip: '021' },
        },
      ],
      'SELECT claim_id, gender FROM claims JOIN patients USING (patient_id) ORDER BY 1': [
        { claim_id: 'C1', gender: 'F' },
        { claim_id: 'C2', gender: 'F' },
      ],
      "SELECT reason_code, reason FROM files WHERE state = 'quarantined'": [
        { reason_code: 'check', reason: 'one_ssn: 2 rows, lines 2, 4' },
      ],
      'SELECT count(*) AS patients FROM patients': [{ patients: 1 }],
      'SELECT claim_id, status, lines FROM claim_totals ORDER BY 1': [
        { claim_id: 'C1', status: 'CLOSED', lines: 2 },
        { claim_id: 'C2', status: 'OPEN', lines: 1 },
      ],
    },
    held: ['patient/patient_20260928.csv'],
    rejects: [],
  },
  encounters: {
    files: {
      'encounters/part-0000.csv': [
        'encounter_id,patient_id,started_at,ended_at',
        'E1,P1,2026-07-01T10:00:00Z,2026-07-01T10:15:00Z',
      ],
      'encounters/part-0001.csv': ['encounter_id,patient_id,started_at,ended_at', 'E2,P1,2026-07-02 06:00:00,'],
      'measurements/part-0000.csv': [
        'measurement_id,patient_id,encounter_id,taken_at,code,value,unit',
        '0,P1,E1,2026-07-01T06:05:00-04:00,8302-2,127.9,cm',
        '1,P1,E2,2026-07-02T10:05:00+00:00,72514-3,1.0,null',
      ],
    },
    results: {
      'SELECT encounter_id, measurements FROM encounter_measurements ORDER BY 1': [
        { encounter_id: 'E1', measurements: 1 },
        { encounter_id: 'E2', measurements: 1 },
      ],
      'SELECT count(*) AS at_ten FROM encounters e JOIN encounters o ON o.encounter_id <> e.encounter_id AND o.started_at > e.started_at':
        [{ at_ten: 1 }],
      'SELECT measurement_id, unit FROM measurements ORDER BY 1': [
        { measurement_id: '0', unit: 'cm' },
        { measurement_id: '1', unit: null },
      ],
    },
    rejects: [],
  },
};

const ORDERS = { 'in their order': 1, 'the last first': -1 } as const;

function tryAll(dialect: SqlDialect, open: (feed: Feed) => Promise<Tried>): void {
  describe.each(Object.keys(ALL))('%s', (name) => {
    const { files, results, rejects, held = [] } = ALL[name] ?? { files: {}, results: {}, rejects: [] };

    test.each(Object.entries(ORDERS))('files that are dropped %s end in the tables and views', async (_, direction) => {
      const tried = await open(loadFeed(join(EXAMPLES, name)));
      const { store } = tried;
      const landing = tempFolder();
      const made = Object.entries(files);
      for (const [turn, at] of (direction === 1 ? [...made.keys()] : [...made.keys()].reverse()).entries()) {
        const file = made[at];
        if (file !== undefined) await drop(store, landing, [file], { from: at, held });
        expect(turn).toBeLessThan(made.length);
      }
      for (const [sql, expected] of Object.entries(results)) expect(await tried.rows(sql)).toEqual(expected);
      const kept = await tried.rows(
        `SELECT dataset || ' ' || state || ' ' || code AS kept FROM rejects WHERE state IN ('waiting', 'rejected')`,
      );
      expect(kept.map((row) => Object.values(row)[0] as string).sort()).toEqual(rejects);
    });

    test('its migrations give the tables that its definition asks for', () => {
      const feed = loadFeed(join(EXAMPLES, name));
      const sql = feedMigrations(feed, dialect)
        .map((file) => file.sql)
        .join('\n');
      for (const table of tablesOf(feed)) expect(sql).toContain(`CREATE TABLE ${table.name} (`);
    });
  });
}

describe('on SQLite', () => {
  tryAll('sqlite', (feed) => {
    const desk = openDesk({ feed });
    return Promise.resolve({ store: desk.store, rows: (sql) => Promise.resolve(desk.rows(sql)) });
  });
});

describePostgres('on PostgreSQL', () => {
  const openServer = serverSuite();
  tryAll('postgres', async (feed) => {
    const { store, client } = await openServer({ feed });
    return { store, rows: async (sql) => (await client.query<object>(sql)).rows };
  });
});

test.each(readdirSync(EXAMPLES, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])))(
  '%s has all that an example has: both dialects, views, environments and a page',
  (name) => {
    expect(Object.keys(ALL)).toContain(name);
    const folder = join(EXAMPLES, name);
    for (const dialect of ['sqlite', 'postgres']) {
      expect(readdirSync(join(folder, 'migrations', dialect)).length).toBeGreaterThan(0);
      expect(readdirSync(join(folder, 'views', dialect)).length).toBeGreaterThan(0);
    }
    for (const environment of [null, 'dev', 'test', 'prod']) expect(loadFeed(folder, environment).name).toBe(name);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(`--feed examples/${name}`);
  },
);
