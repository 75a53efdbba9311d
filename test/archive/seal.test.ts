import Database from 'better-sqlite3';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openArchive } from '../../src/archive/archive.ts';
import { listCopies } from '../../src/archive/list-copies.ts';
import { settleDrafts } from '../../src/archive/settle-drafts.ts';
import { runCommandLine } from '../../src/command-line.ts';
import { makeKeyFile } from '../../src/protection/key-file.ts';
import { SEALED_MAGIC } from '../../src/protection/seal-stream.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { performRefill } from '../../src/worker/refill-job.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileName, feedFileText, type Row } from '../helpers/feed-files.ts';
import { FEED_FOLDER, openDesk, ROOT } from '../helpers/ingest.ts';
import { procedure, visit } from '../helpers/rows.ts';
import { supervised } from '../helpers/supervised.ts';

/** A database in the clear with its archive, and two keys. */
async function clearArchive() {
  const desk = openDesk();
  const archive = join(desk.folder, 'db/archive');
  const kept = openArchive(archive);
  const deliver = async (dataset: 'Procedure' | 'Visit', stamp: string, rows: readonly Row[]): Promise<void> => {
    const file = desk.write(feedFileName(dataset, stamp), feedFileText(dataset, rows));
    expect(await desk.ingest(file, { keeping: { kind: 'copy', archive: kept, behind: null } })).toMatchObject({ kind: 'ingested' });
  };
  await deliver('Procedure', '20260801_060000', [procedure('P1')]);
  await deliver('Visit', '20260801_060000', [visit('V1', 'P1', { PatientID: 'ZQ1' }), visit('V2', 'P9', { PatientID: 'ZQ2' })]);
  await deliver('Visit', '20260802_060000', [visit('V3', 'P1', { PatientID: 'ZQ1' })]);
  await settleDrafts(kept, desk.store);
  const keys = ['one', 'two'].map((name) => join(desk.folder, name));
  for (const key of keys) makeKeyFile(key);
  const [one = '', two = ''] = keys;
  const read = () => listCopies(archive).map(({ path }) => readFileSync(join(archive, path)));
  return { desk, archive, one, two, read };
} // prettier-ignore

async function run(folder: string, ...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = { ...captureIo(), cwd: folder };
  const flags = ['--feed', FEED_FOLDER, '--env', 'protected'];
  return { code: await runCommandLine([...args, ...flags], { open: () => io }), ...io.written };
}

/** Refills a new database, protected under a key; gives the hashes of the visits' patients. */
async function refilled(archive: string, db: string, keyFile: string): Promise<readonly string[]> {
  const flags = { db, env: 'protected', key_file: keyFile, archive, log_level: 'silent' };
  const settings = readSettings({ flags, env: {}, cwd: ROOT, root: ROOT });
  expect(await performRefill(supervised(settings, captureIo()), [archive])).toBe(0);
  const database = new Database(db, { readonly: true });
  try {
    expect(database.prepare(`SELECT count(*) FROM rejects WHERE state = 'waiting'`).pluck().get()).toBe(1);
    return database.prepare<[], string>('SELECT patient_id FROM visits ORDER BY visit_id').pluck().all();
  } finally {
    database.close();
  }
}

test('P9: archive seal seals copies in the clear, once; names and times stay, and a refill ends the same', async () => {
  const { desk, archive, one, read } = await clearArchive();
  const [copy = ''] = listCopies(archive).map(({ path }) => path);
  utimesSync(join(archive, copy), 1_700_000_000, 1_700_000_000);
  // What a crash has left.
  writeFileSync(join(archive, dirname(copy), `.${copy.split('/').at(-1) ?? ''}.sealing`), 'half', { mode: 0o600 });
  const before = listCopies(archive);
  const sealed = await run(desk.folder, 'archive', 'seal', '--archive', archive, '--key-file', one);
  expect(sealed).toEqual({ code: 0, out: '3 copies sealed, 0 were already, 0 cannot be opened\n', err: '' });
  expect(listCopies(archive)).toEqual(before);
  expect(statSync(join(archive, copy)).mtimeMs).toBe(1_700_000_000_000);
  expect(statSync(join(archive, copy)).mode & 0o777).toBe(0o600);
  for (const bytes of read()) expect(bytes.subarray(0, SEALED_MAGIC.length)).toEqual(SEALED_MAGIC);
  const bytes = read();
  expect(await run(desk.folder, 'archive', 'seal', '--archive', archive, '--key-file', one)).toMatchObject({
    out: '0 copies sealed, 3 were already, 0 cannot be opened\n',
  });
  expect(read()).toEqual(bytes);
  const patients = await refilled(archive, join(desk.folder, 'new.sqlite'), one);
  expect(patients).toEqual([patients[0], patients[0]]);
  expect(patients[0]).toMatch(/^[0-9a-f]{64}$/);
});

test('P6: what another run of archive seal is about to put in a place is not cut off by this one', async () => {
  const { desk, archive, one } = await clearArchive();
  const [copy] = listCopies(archive);
  const beside = join(archive, dirname(copy?.path ?? ''), `.${basename(copy?.path ?? '')}.sealing`);
  writeFileSync(beside, 'written by another run');
  const other = openSync(beside, 'r');
  expect(await run(desk.folder, 'archive', 'seal', '--archive', archive, '--key-file', one)).toMatchObject({ code: 0 });
  expect(fstatSync(other).size).toBe('written by another run'.length);
  closeSync(other);
  expect(existsSync(beside)).toBe(false);
});

test('P9: with a new key copies are sealed anew, and a refill under it gives other hashes of the same rows', async () => {
  const { desk, archive, one, two, read } = await clearArchive();
  await run(desk.folder, 'archive', 'seal', '--archive', archive, '--key-file', one);
  const before = await refilled(archive, join(desk.folder, 'one.sqlite'), one);
  const bytes = read();
  // Without the old key nothing is touched.
  const refused = await run(desk.folder, 'archive', 'seal', '--archive', archive, '--key-file', two);
  expect(refused).toMatchObject({ code: 3, out: '0 copies sealed, 0 were already, 3 cannot be opened\n' });
  expect(read()).toEqual(bytes);
  const sealed = await run(desk.folder, 'archive', 'seal', '--archive', archive, '--key-file', two, '--old-key', one);
  expect(sealed).toMatchObject({ code: 0, out: '3 copies sealed, 0 were already, 0 cannot be opened\n' });
  const db = join(desk.folder, 'two.sqlite');
  const after = await refilled(archive, db, two);
  expect(after).toEqual([after[0], after[0]]);
  expect(after[0]).not.toBe(before[0]);
  const verify = ['archive', 'verify', '--archive', archive, '--db', db];
  expect((await run(desk.folder, ...verify, '--key-file', two)).code).toBe(0);
  expect(await run(desk.folder, ...verify, '--key-file', one)).toMatchObject({
    code: 3,
    out: expect.stringMatching(/^FAILED {2}\S+ is damaged, or sealed under another key\n/) as string,
  });
});

test('archive seal asks for a feed that protects something, and for the key', async () => {
  const { desk, archive, one } = await clearArchive();
  const seal = ['archive', 'seal', '--archive', archive];
  await expect(run(desk.folder, ...seal)).rejects.toThrow('no key is named');
  const io = { ...captureIo(), cwd: desk.folder };
  await expect(runCommandLine([...seal, '--feed', FEED_FOLDER, '--key-file', one], { open: () => io })).rejects.toThrow(
    'the feed visitpay protects nothing (name the environment that does so with --env)',
  );
});
