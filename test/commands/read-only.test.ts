import { chmodSync, copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { closeDatabase, openForReading } from '../../src/store/sqlite/open.ts';
import { captureIo } from '../helpers/command-io.ts';
import { openInChild } from '../helpers/child.ts';
import { mountDisk, mountSelf } from '../helpers/disk.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { openDesk, type Desk } from '../helpers/ingest.ts';
import { procedure, visit } from '../helpers/rows.ts';
import { tempFolder } from '../helpers/temp.ts';

/** A database with a file and a row that waits, and those of its side files that are named, in a folder of their own. */
async function backUp(sideFiles: readonly string[]): Promise<{ desk: Desk; folder: string; db: string }> {
  const desk = openDesk();
  await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
  const folder = tempFolder();
  const db = join(folder, 'backup.sqlite');
  if (sideFiles.length === 0) closeDatabase(desk.database);
  for (const end of ['', ...sideFiles]) copyFileSync(`${desk.database.file}${end}`, `${db}${end}`);
  return { desk, folder, db };
}

async function run(db: string, command: string, operands: readonly string[] = []): Promise<string> {
  const io = captureIo();
  expect(await runCommandLine([command, '--db', db, ...operands], { open: () => io })).toBe(0);
  return io.written.out;
}

describe('a database on read-only media', () => {
  test.for([
    ['as a backup leaves it', []],
    ['with the write-ahead log of a program that was killed', ['-wal', '-shm']],
  ] as const)('%s, is read by every command that only reads', async ([, sideFiles], { skip }) => {
    const { desk, folder, db } = await backUp(sideFiles);
    const before = readdirSync(folder);
    const temporary = tempFolder();
    vi.stubEnv('SQLITE_TMPDIR', temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    const stamp = '20260802_060000';
    const { path } = desk.write(feedFileName('Procedure', stamp), feedFileText('Procedure', [procedure('P1')]));
    if (!mountSelf(folder, 'ro')) skip('a folder cannot be mounted here');
    expect(() => {
      writeFileSync(join(folder, 'x'), '');
    }).toThrow('EROFS');
    expect(await run(db, 'status')).toMatch(/Waiting\n.*procedures/s);
    expect(await run(db, 'files')).toContain('HospitalABC_VisitPay_Visit_[20260801_060000].txt');
    expect(await run(db, 'rejects')).toContain('missing_parent');
    expect(await run(db, 'verify')).toContain('The database is sound.');
    expect(await run(db, 'check', [path])).toContain('heal    1 waiting rows of Visit');
    expect([readdirSync(folder), readdirSync(temporary)]).toEqual([before, []]);
  });

  test('whose newest rows stand in a log that cannot be read there, says what to do', async ({ skip }) => {
    const { folder, db } = await backUp(['-wal']);
    if (!mountSelf(folder, 'ro')) skip('a folder cannot be mounted here');
    expect(() => openForReading(db)).toThrow(
      /its newest rows stand in the -wal beside it, .* \(copy both to a folder that you may write, and name the copy with --db\)/,
    );
  });

  test('for a copy of which there is no room, says where', async ({ skip }) => {
    const { folder, db } = await backUp([]);
    const temporary = join(tempFolder(), 'small');
    if (!mountSelf(folder, 'ro') || !mountDisk(temporary, 'size=1m', onTestFinished))
      skip('nothing can be mounted here');
    vi.stubEnv('SQLITE_TMPDIR', temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(() => openForReading(db)).toThrow(
      /a copy to read needs 65 MiB in .*small \(free space there, or .*SQLITE_TMPDIR\)/,
    );
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('a database in a folder that another user may only read', () => {
  const unprivileged = process.getuid?.() === 0;

  async function shared(sideFiles: readonly string[]): Promise<string> {
    const { folder, db } = await backUp(sideFiles);
    chmodSync(db, 0o644);
    chmodSync(folder, 0o555);
    return db;
  }

  test('is read', async () => {
    const db = await shared([]);
    const instead = `console.log(openForReading(${JSON.stringify(db)}).prepare('SELECT count(*) FROM files').pluck().get())`;
    expect(openInChild(db, { unprivileged, instead })).toBe('1');
    expect(readdirSync(join(db, '..'))).toEqual(['backup.sqlite']);
  });

  test('and that a program has open, says who may read it', async () => {
    const db = await shared(['-wal', '-shm']);
    chmodSync(`${db}-shm`, 0o600);
    const instead = `openForReading(${JSON.stringify(db)})`;
    expect(openInChild(db, { unprivileged, instead })).toMatch(
      /^LandfallError - .*a program has it open, .*may not be read \(.*a member of its group\)/,
    );
  });
});
