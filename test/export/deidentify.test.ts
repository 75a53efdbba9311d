import Database from 'better-sqlite3';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import type { Manifest } from '../../src/export/manifest.ts';
import { createHasher } from '../../src/protection/hash-value.ts';
import { makeKeyFile, readKeyFile } from '../../src/protection/key-file.ts';
import { createBilling, MARKER_YEAR } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { askDuckdb } from '../helpers/duckdb.ts';
import { openDesk, type Desk } from '../helpers/ingest.ts';

const PHI = ['patient_id', 'patient_name', 'date_of_birth', 'patient_phone', 'patient_address'];

interface Clinic extends Desk {
  readonly keyFile: string;
  /** What must be found nowhere. */
  readonly secrets: readonly string[];
}

async function clinic(): Promise<Clinic> {
  const desk = openDesk();
  const billing = createBilling(51);
  const procedure = billing.procedure();
  const visits = Array.from({ length: 20 }, () => billing.visit(procedure, { DischargeDate: '' }));
  await desk.deliver('Procedure', '20260801_060000', [procedure]);
  await desk.deliver('Visit', '20260801_060000', visits);
  const keyFile = join(desk.folder, 'key');
  makeKeyFile(keyFile);
  const secrets = PHI.flatMap((column) => desk.column(`SELECT ${column} FROM visits`)).map(String);
  return { ...desk, keyFile, secrets };
}

async function runExport({ database, keyFile }: Clinic, to: string, args: readonly string[] = ['--deidentify']) {
  const io = captureIo();
  const all = ['export', '--db', database.file, '--to', to, '--key-file', keyFile, ...args];
  return { exitCode: await runCommandLine(all, { open: () => io }), out: io.written.out };
}

function namesAndTextsIn(to: string): string {
  const names = readdirSync(to, { recursive: true, encoding: 'utf8' });
  return [...names, readFileSync(join(to, '_manifest.json'), 'utf8')].join('\n');
}

/** The secrets that stand in a text. */
function found(secrets: readonly string[], text: string): readonly number[] {
  // Not themselves: a test's output holds no value from a row either.
  return secrets.flatMap((secret, at) => (text.includes(secret) ? [at] : []));
}

describe('export --deidentify', () => {
  test('P9: no patient value is in a part, in the name of one, or in the manifest', async () => {
    const desk = await clinic();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to, ['--deidentify', '--verify', '--partition-by', 'visits.visit_date:month']);
    const rows = await askDuckdb(`SELECT * FROM read_parquet('${to}/visits/*/*.parquet', hive_partitioning = true)`);
    expect(rows).toHaveLength(20);
    expect(found(desk.secrets, JSON.stringify(rows))).toEqual([]);
    expect(found(desk.secrets, namesAndTextsIn(to))).toEqual([]);
    // It looks at what it means to look at: of an export as it is, all are found.
    const clear = join(desk.folder, 'clear');
    await runExport(desk, clear, ['--table', 'visits']);
    const told = JSON.stringify(await askDuckdb(`SELECT * FROM '${clear}/visits/*.parquet'`));
    expect(found(desk.secrets, told)).toHaveLength(desk.secrets.length);
  });

  test('ids and texts are hashed as the feed would, dates of birth are years, and the manifest says so', async () => {
    const desk = await clinic();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to);
    const key = readKeyFile(desk.keyFile);
    const hash = createHasher(key.hashing);
    const rows = await askDuckdb(`SELECT patient_id, patient_name, date_of_birth FROM '${to}/visits/*.parquet' ORDER BY visit_id`); // prettier-ignore
    const kept = desk.rows('SELECT patient_id, patient_name FROM visits ORDER BY visit_id');
    // All are over 89.
    expect(rows).toEqual(
      kept.map((row) => [hash(String(row['patient_id'])), hash(String(row['patient_name'])), '1900']),
    );
    expect(desk.column('SELECT date_of_birth FROM visits LIMIT 1')).toEqual([expect.stringContaining(MARKER_YEAR)]);
    const manifest = JSON.parse(readFileSync(join(to, '_manifest.json'), 'utf8')) as Manifest;
    expect([manifest.deidentified, manifest.key]).toEqual([true, key.fingerprint]);
    const visits = manifest.tables.find(({ name }) => name === 'visits');
    const done = visits?.columns.filter(({ protection }) => protection !== null) ?? [];
    expect(done.map(({ name, type, protection, protected_in }) => [name, type, protection, protected_in])).toEqual([
      ['patient_id', 'text', 'hash', 'export'],
      ['patient_name', 'text', 'hash', 'export'],
      ['date_of_birth', 'text', 'year', 'export'],
      ['patient_phone', 'text', 'hash', 'export'],
      ['patient_address', 'text', 'hash', 'export'],
    ]);
  });

  test('rows that are sorted by patient data come in the order of what became of it, which tells nothing', async () => {
    const desk = await clinic();
    desk.db.exec(`CREATE VIEW people AS SELECT patient_id, max(date_of_birth) AS date_of_birth, count(*) AS visits,
      max(patient_name) AS facility FROM visits GROUP BY patient_id`);
    const to = join(desk.folder, 'lake');
    await runExport(desk, to, ['--deidentify', '--view', 'people', '--order-by', 'patient_id', '--verify']);
    const ids = (await askDuckdb(`SELECT patient_id FROM '${to}/people/*.parquet'`)).flat().map(String);
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(desk.column('SELECT DISTINCT patient_id FROM visits').length);
    // Of an expression nobody knows what it holds, but where it has the name of patient data.
    const [counts] = await askDuckdb(
      `SELECT count(date_of_birth)::INT, min(length(date_of_birth))::INT, count(visits)::INT, count(facility)::INT FROM '${to}/people/*.parquet'`,
    );
    expect(counts).toEqual([ids.length, 64, 0, 0]);
    expect(readdirSync(to).sort()).toEqual(['_export.lock', '_manifest.json', 'people']);
  });

  test('an export with patient data and one without never mix', async () => {
    const desk = await clinic();
    const [one, other] = [join(desk.folder, 'one'), join(desk.folder, 'other')];
    await runExport(desk, one);
    await runExport(desk, other, []);
    await expect(runExport(desk, one, [])).rejects.toThrow('there lies an export without patient data');
    await expect(runExport(desk, other)).rejects.toThrow('there lies an export with patient data');
  });

  test('it needs a key', async () => {
    const desk = await clinic();
    const io = captureIo();
    const args = ['export', '--db', desk.database.file, '--to', join(desk.folder, 'x'), '--deidentify'];
    await expect(runCommandLine(args, { open: () => io })).rejects.toThrow('--deidentify needs a key');
  });
});

describe('export --to FILE.sqlite', () => {
  test('P9: analysts get a database of their own, without a patient value', async () => {
    const desk = await clinic();
    const file = join(desk.folder, 'analysts', 'copy.sqlite');
    expect((await runExport(desk, file)).exitCode).toBe(0);
    const copy = new Database(file, { readonly: true });
    try {
      expect(copy.prepare('SELECT count(*), count(DISTINCT patient_id) FROM visits').raw().get()).toEqual(
        desk.db.prepare('SELECT count(*), count(DISTINCT patient_id) FROM visits').raw().get(),
      );
      expect(copy.prepare('SELECT sum(total_charge_cents), min(visit_date) FROM visits').raw().get()).toEqual(
        desk.db.prepare('SELECT sum(total_charge_cents), min(visit_date) FROM visits').raw().get(),
      );
      const manifest = JSON.parse(String(copy.prepare('SELECT json FROM _manifest').pluck().get())) as Manifest;
      expect([manifest.deidentified, manifest.tables.map(({ name }) => name)]).toEqual([true, ['procedures', 'visits', 'transactions']]); // prettier-ignore
    } finally {
      copy.close();
    }
    expect(found(desk.secrets, readFileSync(file, 'utf8'))).toEqual([]);
    expect(readdirSync(join(desk.folder, 'analysts')).sort()).toEqual(['copy.sqlite', 'copy.sqlite.lock']);
    expect((await runExport(desk, file)).exitCode).toBe(0);
  });

  test('what is there and is no such copy stays as it is, and a copy with patient data is no export', async () => {
    const desk = await clinic();
    const file = join(desk.folder, 'notes.sqlite');
    writeFileSync(file, 'notes');
    await expect(runExport(desk, file)).rejects.toThrow('notes.sqlite is there already, and is no export');
    await expect(runExport(desk, desk.database.file)).rejects.toThrow('is there already, and is no export');
    expect(readFileSync(file, 'utf8')).toBe('notes');
    const other = join(desk.folder, 'other.sqlite');
    await expect(runExport(desk, other, [])).rejects.toThrow('a database is written with --deidentify only');
    expect(existsSync(other)).toBe(false);
  });
});
