import { appendFileSync, cpSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { performRetry } from '../../src/worker/retry-job.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { tryLock } from '../../src/store/sqlite/lock.ts';
import { closeDatabase } from '../../src/store/sqlite/open.ts';
import { compareArchive } from '../campaign/compare-archive.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { type Desk, MIGRATIONS, ROOT, openDesk } from '../helpers/ingest.ts';
import { procedure, visit } from '../helpers/rows.ts';
import { supervised } from '../helpers/supervised.ts';
import { tempFolder } from '../helpers/temp.ts';

/**
 * Asks for a file of this stamp to be read again, on 2026-08-10 at noon; without a daemon, unless the test holds the lock.
 * @param root the program's folder
 */
async function askFor(desk: Desk, stamp: string, root = ROOT): Promise<{ exitCode: number; err: string; out: string }> {
  const name = feedFileName('Procedure', stamp);
  desk.write(name, feedFileText('Procedure', [procedure('P1')]));
  const io = captureIo();
  const settings = readSettings({
    flags: { landing: desk.landing, db: desk.database.file, settle: '0' },
    env: {},
    cwd: desk.folder,
    root: ROOT,
  });
  const program = { ...io.program, root };
  const exitCode = await performRetry(supervised(settings, { ...io, program }), [join('anywhere', name)]);
  return { exitCode, ...io.written };
}

test('without a daemon the file is read at once', async () => {
  const desk = openDesk();
  expect(await askFor(desk, '20260801_060000')).toMatchObject({ exitCode: 0, err: '' });
  expect(desk.rows('SELECT revision, state FROM files')).toEqual([{ revision: 1, state: 'ingested' }]);
  expect(desk.column('SELECT name FROM retries')).toEqual([]);
});

test('P6: the copy of what it reads has its name when the command ends: a refill finds it', async () => {
  const desk = openDesk();
  expect(await askFor(desk, '20260801_060000')).toMatchObject({ exitCode: 0 });
  expect(compareArchive(desk.database.file, join(dirname(desk.database.file), 'archive'))).toEqual([]);
});

test('P1: a file that is still being written is not read, also when it is asked for', async () => {
  const desk = openDesk();
  const name = feedFileName('Procedure', '20260801_060000');
  const { path } = desk.write(name, feedFileText('Procedure', [procedure('P1')]));
  const flags = { landing: desk.landing, db: desk.database.file, settle: '200ms' };
  const settings = readSettings({ flags, env: {}, cwd: desk.folder, root: ROOT });
  const io = captureIo();
  const asked = performRetry(supervised(settings, io), [name]);
  // The command has listed the folder before it first waits.
  appendFileSync(path, 'P2|C1||');
  expect(await asked).toBe(1);
  expect(io.written.out).toContain('still being written');
  expect(desk.column('SELECT name FROM files')).toEqual([]);
  expect(desk.column('SELECT name FROM retries')).toEqual([name]);
});

test('rule 8: a file that is held for its stamp is not read, whoever asks', async () => {
  const desk = openDesk();
  const { exitCode, err } = await askFor(desk, '20260813_060000');
  expect(exitCode).toBe(1);
  expect(err).toContain('held until 2026-08-11T06:00:00.000Z');
  expect(desk.column('SELECT name FROM files')).toEqual([]);
  expect(desk.column('SELECT name FROM retries')).toEqual([]);
});

test('a waiting row that a constraint refuses when its parent is read again makes the command end with 3', async () => {
  const desk = openDesk();
  desk.db.exec('CREATE UNIQUE INDEX one_patient ON visits (patient_id)');
  await desk.deliver('Visit', '20260801_070000', [visit('V1', 'P1'), visit('V2', 'P1')]);
  expect((await askFor(desk, '20260801_060000')).exitCode).toBe(3);
  expect(desk.column('SELECT state FROM rejects ORDER BY line')).toEqual(['healed', 'rejected']);
});

test('a name that is not there, or none of the feed, is said with what to do', async () => {
  const desk = openDesk();
  const io = captureIo();
  const flags = { landing: desk.landing, db: desk.database.file };
  const settings = readSettings({ flags, env: {}, cwd: desk.folder, root: ROOT });
  const empty = feedFileName('Procedure', '20260803_060000');
  writeFileSync(join(desk.landing, empty), '');
  const names = [feedFileName('Procedure', '20260802_060000'), 'notes.txt', empty];
  expect(await performRetry(supervised(settings, io), names)).toBe(1);
  const [gone, foreign, hollow] = io.written.err.split('\n');
  expect(hollow).toMatch(/it is empty: it is read when it has content$/);
  expect(gone).toMatch(
    /Procedure_\[20260802_060000\]\.txt: there is no such file in .* brings one back that was removed\)$/,
  );
  expect(foreign).toMatch(/notes\.txt: it does not have a name of the feed visitpay$/);
});

describe('beside a daemon, which alone may migrate', () => {
  /** A database that a daemon of this version holds. */
  function openHeldDesk(): Desk {
    const desk = openDesk();
    const lock = tryLock(desk.database.file, { pid: 4711, host: 'here', command: 'run', since: '' });
    onTestFinished(() => lock?.release());
    return desk;
  }

  const migrations = (desk: Desk): readonly unknown[] => desk.column('SELECT name FROM schema_migrations');

  test('leaves the wish for the daemon', async () => {
    const desk = openHeldDesk();
    expect((await askFor(desk, '20260801_060000')).out).toMatch(/^asked the daemon to read again: /);
    expect(desk.column('SELECT name FROM retries')).toEqual([feedFileName('Procedure', '20260801_060000')]);
    expect(desk.column('SELECT name FROM files')).toEqual([]);
  });

  test('of an older version: says so, and leaves the database as it is', async () => {
    const desk = openHeldDesk();
    const before = migrations(desk);
    const root = tempFolder();
    cpSync(MIGRATIONS, join(root, 'migrations'), { recursive: true });
    writeFileSync(join(root, 'migrations/9000_later.sql'), 'CREATE TABLE later (a)');
    await expect(askFor(desk, '20260801_060000', root)).rejects.toThrow(
      /lacks migration 9000_later\.sql: an older Landfall has it open \(restart the daemon, which applies it, then ask again\)/,
    );
    expect(migrations(desk)).toEqual(before);
    expect(desk.column("SELECT name FROM sqlite_schema WHERE name = 'later'")).toEqual([]);
    expect(desk.column('SELECT name FROM retries')).toEqual([]);
  });

  test('of a newer version: says so', async () => {
    const desk = openHeldDesk();
    desk.db.exec("INSERT INTO schema_migrations VALUES (9000, '9000_later.sql', '', '')");
    await expect(askFor(desk, '20260801_060000')).rejects.toThrow(
      /has migration 9000_later\.sql, which this version does not know \(a newer Landfall wrote it/,
    );
    expect(desk.column('SELECT name FROM retries')).toEqual([]);
  });

  test('that is just making the database: says so', async () => {
    const desk = openHeldDesk();
    desk.db.exec('DROP TABLE schema_migrations');
    await expect(askFor(desk, '20260801_060000')).rejects.toThrow(/lacks migration 0001_ledger\.sql/);
    closeDatabase(desk.database);
    writeFileSync(desk.database.file, '');
    await expect(askFor(desk, '20260801_060000')).rejects.toThrow(/is empty: it was never set up/);
    expect(statSync(desk.database.file).size).toBe(0);
  });
});
