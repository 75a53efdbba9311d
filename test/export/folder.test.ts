import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import type { Manifest } from '../../src/export/manifest.ts';
import { readFileName } from '../../src/feed/file-name.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { lockFile } from '../../src/store/open.ts';
import { createBilling, findLeak, MARKER } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { askDuckdb } from '../helpers/duckdb.ts';
import { FEED_FILE, openDesk, ROOT, type Desk } from '../helpers/ingest.ts';
import { partsIn } from '../helpers/parts.ts';

const PARTITIONED = ['--partition-by', 'visits.visit_date:month', 'transactions.transaction_date:month'];

/** A database with procedures, and visits and transactions of three months. */
async function filledDesk(): Promise<Desk & { readonly billing: ReturnType<typeof createBilling> }> {
  const desk = openDesk();
  const billing = createBilling(31);
  const procedures = Array.from({ length: 3 }, () => billing.procedure());
  const visits = ['2026-05', '2026-06', '2026-07'].flatMap((month) =>
    procedures.flatMap((procedure) =>
      [3, 17].map((day) => {
        const date = `${month}-${String(day).padStart(2, '0')}`;
        return billing.visit(procedure, { VisitDate: date, DischargeDate: '' });
      }),
    ),
  );
  const transactions = visits.flatMap((visit) => [billing.transaction(visit), billing.transaction(visit)]);
  await desk.deliver('Procedure', '20260801_060000', procedures);
  await desk.deliver('Visit', '20260801_060000', visits);
  await desk.deliver('Transaction', '20260801_060000', transactions);
  return { ...desk, billing };
}

async function runExport(desk: Desk, to: string, args: readonly string[] = []) {
  const io = captureIo();
  const exitCode = await runCommandLine(['export', '--db', desk.database.file, '--to', to, ...args], {
    open: () => io,
  });
  return { exitCode, out: io.written.out, manifest: readManifest(to) };
}

/** All that lies in a folder and those in it; one that a link leads to is not gone into. */
function everythingIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).map(({ parentPath, name }) =>
    join(parentPath, name),
  );
}

function readManifest(to: string): Manifest {
  return JSON.parse(readFileSync(join(to, '_manifest.json'), 'utf8')) as Manifest;
}

/** Holds what lies there against its manifest: all of it, and nothing else. */
function expectTrue(to: string): void {
  const named = readManifest(to).tables.flatMap(({ parts }) =>
    parts.map(({ file, sha256 }) => [file, sha256] as const),
  );
  expect(partsIn(to)).toEqual(new Map(named.toSorted()));
}

describe('export to a folder', () => {
  test('DuckDB reads the counts and sums of each table and month that the database has, and the types are right', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    expect((await runExport(desk, to, PARTITIONED)).exitCode).toBe(0);
    expectTrue(to);
    for (const [table, date, cents] of [
      ['visits', 'visit_date', 'total_charge_cents'],
      ['transactions', 'transaction_date', 'amount_cents'],
    ] as const) {
      const kept = desk.rows(
        `SELECT substr(${date}, 1, 7) AS month, count(*) AS n, sum(${cents}) AS cents, count(procedure_id) AS ids FROM ${table} GROUP BY 1 ORDER BY 1`,
      );
      const read = await askDuckdb(
        `SELECT month, count(*)::INT, sum(${cents})::INT, count(procedure_id)::INT FROM read_parquet('${to}/${table}/*/*.parquet', hive_partitioning = true) GROUP BY 1 ORDER BY 1`,
      );
      expect(kept.length).toBe(3);
      expect(read).toEqual(kept.map((row) => Object.values(row)));
    }
    const described = await askDuckdb(`DESCRIBE SELECT * EXCLUDE month FROM '${to}/visits/*/*.parquet'`);
    const types = new Map(described.map(([name, type]) => [name, type]));
    expect([types.get('visit_id'), types.get('visit_date'), types.get('total_charge_cents')]).toEqual([
      'VARCHAR',
      'DATE',
      'BIGINT',
    ]);
    expect(types.size).toBe(14);
  });

  test('DuckDB reads it as the page says, by folder and by manifest', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to, PARTITIONED);
    const page = readFileSync(join(ROOT, 'docs/lake.md'), 'utf8').replaceAll('/srv/lake', to);
    const [, section = ''] = page.split('DuckDB, by folder and by manifest:\n\n');
    const [byFolder = '', byManifest = ''] = section.split('\n\n');
    expect(await askDuckdb(byFolder)).toHaveLength(3);
    expect(await askDuckdb(byManifest)).toEqual([['18']]);
  });

  test('rows are sorted by key within a part', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to, ['--table', 'transactions']);
    const [part] = [...partsIn(to).keys()];
    const rows = await askDuckdb(`SELECT transaction_id FROM '${to}/${part ?? ''}'`);
    expect(rows.flat()).toEqual(desk.column('SELECT transaction_id FROM transactions ORDER BY 1'));
  });

  test('P1: a folder of another program that is called _staging stays as it is', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    mkdirSync(join(to, '_staging'), { recursive: true });
    writeFileSync(join(to, '_staging', 'theirs.parquet'), 'theirs');
    expect((await runExport(desk, to)).exitCode).toBe(0);
    expect(readFileSync(join(to, '_staging', 'theirs.parquet'), 'utf8')).toBe('theirs');
  });

  test('two exports of one state have the same parts, byte for byte, and the second into one folder writes none', async () => {
    const desk = await filledDesk();
    const [one, other] = [join(desk.folder, 'one'), join(desk.folder, 'other')];
    await runExport(desk, one, PARTITIONED);
    await runExport(desk, other, PARTITIONED);
    expect(partsIn(one).size).toBe(7);
    expect(partsIn(other)).toEqual(partsIn(one));
    const before = [...partsIn(one).keys()].map((name) => statSync(join(one, name)).ino);
    const { manifest, out } = await runExport(desk, one, PARTITIONED);
    expect([...partsIn(one).keys()].map((name) => statSync(join(one, name)).ino)).toEqual(before);
    expect(manifest.generation).toBe(2);
    expect(out.split('\n').map((line) => line.split('\t')[3])).toEqual(['written', '0', '0', '0', ...['', '', ''].map(() => undefined)]); // prettier-ignore
  });

  test('one more day, a correction of an old row and a healed row rewrite exactly the parts of their months', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    const { billing } = desk;
    const lost = billing.procedure();
    const orphan = billing.visit(lost, { VisitDate: '2026-06-20', DischargeDate: '' });
    const corrected = billing.visit(billing.procedure({ ProcedureID: 'P1' }), { VisitDate: '2025-03-01', DischargeDate: '' }); // prettier-ignore
    await desk.deliver('Procedure', '20260802_060000', [billing.procedure({ ProcedureID: 'P1' })]);
    await desk.deliver('Visit', '20260802_060000', [orphan, corrected]);
    await runExport(desk, to, PARTITIONED);
    const before = partsIn(to);

    const day = billing.visit({ ProcedureID: 'P1' }, { VisitDate: '2026-08-02', DischargeDate: '' });
    await desk.deliver('Procedure', '20260803_060000', [lost]);
    await desk.deliver('Visit', '20260803_060000', [{ ...corrected, TotalCharge: '1.00' }, day]);
    await runExport(desk, to, PARTITIONED);
    const after = partsIn(to);
    expectTrue(to);
    const foldersOf = (names: Iterable<string>) => [...names].map((name) => name.replace(/\/part-.*/, '')).sort();
    const gone = [...before.keys()].filter((name) => !after.has(name));
    const come = [...after.keys()].filter((name) => !before.has(name));
    expect(foldersOf(gone)).toEqual(['procedures', 'visits/month=2025-03', 'visits/month=2026-06']);
    expect(foldersOf(come)).toEqual(['procedures', 'visits/month=2025-03', 'visits/month=2026-06', 'visits/month=2026-08']); // prettier-ignore
  });

  test('the manifest has the bounds of columns, but of none that is patient data (P8)', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    const { manifest, out } = await runExport(desk, to, PARTITIONED);
    const visits = manifest.tables.find(({ name }) => name === 'visits');
    const june = visits?.parts.find(({ partition }) => partition?.['month'] === '2026-06')?.columns;
    expect(june?.['visit_date']).toEqual({ min: '2026-06-03', max: '2026-06-17', nulls: 0 });
    expect(june?.['discharge_date']).toEqual({ nulls: 6 });
    for (const column of ['patient_id', 'patient_name', 'date_of_birth', 'patient_phone', 'patient_address'])
      expect(june?.[column]).toEqual({ nulls: 0 });
    expect(findLeak(out)).toBeNull();
  });

  test('a partition is never made by patient data, which would stand in names of folders', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    await expect(runExport(desk, to, ['--partition-by', 'visits.date_of_birth:year'])).rejects.toThrow(
      'cannot partition by visits.date_of_birth: it may be patient data',
    );
    expect(existsSync(join(to, '_manifest.json'))).toBe(false);
  });

  test.each([
    [['--table', 'visit'], 'the feed visitpay has no table visit (its tables: procedures, visits, transactions)'],
    [['--view', 'nothing'], 'there is no view nothing'],
    [['--partition-by', 'visits.visit_date'], 'is not of the form TABLE.COLUMN:UNIT'],
    [['--partition-by', 'visits.facility:day'], 'it is no date or timestamp'],
    [['--table', 'visits', '--partition-by', 'transactions.post_date:day'], 'it is not exported'],
    [['--order-by', 'visit_id'], 'no view that is exported has this column'],
  ])('what cannot be is told with what to do: %j', async (args, problem) => {
    const desk = openDesk();
    await expect(runExport(desk, join(desk.folder, 'lake'), args)).rejects.toThrow(problem);
  });

  test('a view is exported in the order asked for, with the types of the columns that it shows', async () => {
    const desk = await filledDesk();
    desk.db
      .exec(`CREATE VIEW charges AS SELECT t.visit_id, v.visit_date AS day, v.patient_name AS who, t.amount_cents, t.amount_cents > 0 AS owed,
      t.amount_cents / 100.0 AS amount FROM transactions t JOIN visits v ON v.visit_id = t.visit_id`);
    const to = join(desk.folder, 'lake');
    const { manifest } = await runExport(desk, to, ['--view', 'charges', '--order-by', 'amount_cents', '--verify']);
    const [table] = manifest.tables;
    expect(table?.columns.map(({ name, type, phi }) => [name, type, phi])).toEqual([
      ['visit_id', 'text', false],
      ['day', 'date', false],
      ['who', 'text', true],
      ['amount_cents', 'integer', false],
      ['owed', 'integer', null],
      ['amount', 'number', null],
    ]);
    const rows = await askDuckdb(`SELECT amount_cents::INT FROM '${to}/charges/*.parquet'`);
    expect(rows.flat()).toEqual(desk.column('SELECT amount_cents FROM charges ORDER BY 1'));
    expect(JSON.stringify(table?.parts)).not.toContain(`${MARKER} A`);
  });

  test('a table without rows is a part that has its columns', async () => {
    const desk = openDesk();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to, ['--verify']);
    expect(await askDuckdb(`SELECT count(*)::INT, count(visit_date)::INT FROM '${to}/visits/*.parquet'`)).toEqual([[0, 0]]); // prettier-ignore
  });

  test('--verify finds a part that was changed, leaves the manifest as it was, and quotes no value', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to, ['--verify']);
    const before = readManifest(to);
    const [part = ''] = [...partsIn(to).keys()].filter((name) => name.startsWith('visits'));
    const bytes = readFileSync(join(to, part));
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    writeFileSync(join(to, part), bytes);
    const failure = await runExport(desk, to, ['--verify']).then(() => '', String);
    expect(failure).toContain(`the part ${part} is not what was written`);
    expect(findLeak(failure)).toBeNull();
    expect(readManifest(to)).toEqual(before);
    rmSync(join(to, part));
    await runExport(desk, to, ['--verify']);
    expectTrue(to);
  });

  test('a value that is none of its column ends the export with the name of the column, not the value (P8)', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to);
    const before = readFileSync(join(to, '_manifest.json'), 'utf8');
    desk.db.exec(`UPDATE visits SET visit_date = '${MARKER}' WHERE visit_id = (SELECT max(visit_id) FROM visits)`);
    const failure = await runExport(desk, to).then(() => '', String);
    expect(failure).toContain('visits.visit_date holds a value that is not a date such as 2026-08-01');
    expect(findLeak(failure)).toBeNull();
    expect(readFileSync(join(to, '_manifest.json'), 'utf8')).toBe(before);
    expectTrue(to);
    expect(readdirSync(to).sort()).toEqual(['_export.lock', '_manifest.json', 'procedures', 'transactions', 'visits']);
  });

  test('a second export into the same folder is refused while one is at work', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to);
    const release = await lockFile(join(to, '_export.lock'));
    await expect(runExport(desk, to)).rejects.toThrow(`${to}: another export is writing there`);
    release?.();
    expect((await runExport(desk, to)).exitCode).toBe(0);
  });

  test.each([
    ['landing', 'is the landing folder'],
    ['landing/lake', 'lies in the landing folder, '],
    ['link', 'is the landing folder'],
    ['link/lake', 'lies in the landing folder, '],
    ['', 'holds the landing folder, '],
    ['up', 'holds the landing folder, '],
    ['db', 'holds the archive, '],
    ['db/archive', 'is the archive'],
    ['db/archive/2026', 'lies in the archive, '],
    ['landing/copy.sqlite', 'lies in the landing folder, '],
  ])('P1: no export goes into a folder that has another use: %j', async (to, problem) => {
    const desk = openDesk();
    symlinkSync(desk.landing, join(desk.folder, 'link'));
    symlinkSync(desk.folder, join(desk.folder, 'up'));
    const before = everythingIn(desk.folder);
    const failure = await runExport(desk, join(desk.folder, to), ['--landing', desk.landing]).then(() => '', String);
    expect(failure).toMatch(
      /^LandfallError: \S+ \w+ .* \(an export needs a folder of its own: name another with --to\)$/,
    );
    expect(failure).toContain(problem);
    expect(everythingIn(desk.folder)).toEqual(before);
  });

  test('an archive elsewhere, or none, leaves the folder of the database', async () => {
    const desk = openDesk();
    const args = ['--landing', desk.landing, '--archive', 'none'];
    await expect(runExport(desk, join(desk.folder, 'db'), args)).rejects.toThrow('is the folder of the database');
    expect((await runExport(desk, join(desk.folder, 'db/lake'), args)).exitCode).toBe(0);
  });

  test('another mount of the landing folder is the landing folder', async ({ skip }) => {
    const desk = openDesk();
    const other = join(desk.folder, 'other');
    mkdirSync(other);
    if (spawnSync('mount', ['--bind', desk.landing, other]).status !== 0) skip('a file system cannot be mounted here');
    onTestFinished(() => void spawnSync('umount', ['--lazy', other]));
    await expect(runExport(desk, join(other, 'lake'), ['--landing', desk.landing])).rejects.toThrow(
      'lies in the landing folder',
    );
  });

  test("a folder with another feed's export, or with a manifest that is none of ours, stays as it is", async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to);
    const file = join(to, '_manifest.json');
    const manifest = readManifest(to);
    for (const [text, problem] of [
      [
        JSON.stringify({ ...manifest, from: { ...manifest.from, feed: 'claims' } }),
        'of the feed claims, not of visitpay',
      ],
      ['{"name": 1}', "is none of Landfall's"],
      ['', "is none of Landfall's"],
    ] as const) {
      writeFileSync(file, text);
      await expect(runExport(desk, to)).rejects.toThrow(problem);
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  test('what died in the middle leaves nothing behind after the next run, whose parts have names of their own', async () => {
    const desk = await filledDesk();
    const to = join(desk.folder, 'lake');
    await runExport(desk, to, PARTITIONED);
    rmSync(join(to, '_manifest.json'));
    const before = partsIn(to);
    const { manifest } = await runExport(desk, to, PARTITIONED);
    expect(manifest.generation).toBe(2);
    expectTrue(to);
    expect([...partsIn(to).keys()].filter((name) => before.has(name))).toEqual([]);
    expect([...partsIn(to).values()]).toEqual([...before.values()]);
  });

  test('a name under which rclone copies, as the page says, is passed over until it is whole (P1)', () => {
    const page = readFileSync(join(ROOT, 'docs/lake.md'), 'utf8');
    const [, suffix = ''] = /RCLONE_PARTIAL_SUFFIX=(\S+)/.exec(page) ?? [];
    const feed = loadFeed(FEED_FILE);
    const name = 'HospitalABC_VisitPay_Visit_[20260801_060000].txt';
    expect(readFileName(feed, name).kind).toBe('taken');
    // rclone puts eight hex digits before its ending (https://rclone.org/docs/).
    expect(readFileName(feed, `${name}.1a2b3c4d${suffix}`).kind).toMatch(/^(?:partial|foreign)$/);
    expect(suffix).toBe('.part');
  });
});
