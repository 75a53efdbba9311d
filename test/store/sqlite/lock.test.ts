import { execFileSync, spawn } from 'node:child_process';
import Database from 'better-sqlite3';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LandfallError } from '../../../src/model/errors.ts';
import { heldBy, lookAtLock, takeLock, tryLock } from '../../../src/store/sqlite/lock.ts';
import type { Holder } from '../../../src/store/ownership.ts';
import { openInChild } from '../../helpers/child.ts';
import { ROOT } from '../../helpers/ingest.ts';
import { tempFolder } from '../../helpers/temp.ts';

const ME: Holder = { pid: 4711, host: 'here', command: 'run', since: '2026-08-10T12:00:00.000Z' };
const never = new AbortController().signal;

test('only one holds it, others can read who; it is free again when it is released', async () => {
  const db = join(tempFolder(), 'db/x.sqlite');
  const lock = tryLock(db, ME);
  expect(lock).not.toBeNull();
  expect(tryLock(db, { ...ME, pid: 1 })).toBeNull();
  expect(await takeLock(db, { ...ME, pid: 1 }, AbortSignal.abort())).toEqual(ME);
  lock?.release();
  const next = tryLock(db, { ...ME, pid: 1 });
  expect(next).not.toBeNull();
  next?.release();
  expect(statSync(`${db}.lock`).mode & 0o777).toBe(0o660);
});

describe('looking at it', () => {
  test('tells who holds it, and when nobody does, at once; makes nothing', () => {
    const folder = tempFolder();
    const db = join(folder, 'x.sqlite');
    expect(lookAtLock(db)).toEqual({ kind: 'unknown' });
    writeFileSync(`${db}.lock`, '');
    expect(lookAtLock(db)).toEqual({ kind: 'free' });
    expect(readdirSync(folder)).toEqual(['x.sqlite.lock']);
    const lock = tryLock(db, ME);
    expect(lookAtLock(db)).toEqual({ kind: 'held', holder: ME });
    lock?.release();
    expect(lookAtLock(db)).toEqual({ kind: 'free' });
    expect(readdirSync(folder)).toEqual(['x.sqlite.lock']);
  });

  test('keeps nobody from taking it, nor another one from looking', () => {
    const db = join(tempFolder(), 'x.sqlite');
    tryLock(db, ME)?.release();
    const look = `
      import { lookAtLock } from ${JSON.stringify(join(ROOT, 'src/store/sqlite/lock.ts'))};
      process.stdout.write('begun');
      for (;;) { const { kind } = lookAtLock(${JSON.stringify(db)}); if (kind === 'unknown') process.exit(1); }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', look], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return new Promise<void>((resolve) => child.stdout.once('data', resolve)).then(() => {
      for (let times = 0; times < 200; times++) {
        expect(lookAtLock(db)).toEqual({ kind: 'free' });
        const lock = tryLock(db, ME);
        expect(lock).not.toBeNull();
        lock?.release();
      }
      expect(child.exitCode).toBeNull();
    });
  });

  test('cannot tell where it may not be opened for writing', () => {
    const folder = tempFolder();
    chmodSync(folder, 0o755);
    const db = join(folder, 'x.sqlite');
    tryLock(db, ME)?.release();
    chmodSync(`${db}.lock`, 0o444);
    const instead = `console.log(lookAtLock(${JSON.stringify(db)}).kind)`;
    expect(openInChild(db, { unprivileged: process.getuid?.() === 0, instead })).toBe('unknown');
  });
});

describe('what lies in its place and is none is named, and left as it is', () => {
  const theirs = (journal: 'wal' | 'delete') => (file: string) => {
    const db = new Database(file);
    db.pragma(`journal_mode = ${journal}`);
    db.exec('CREATE TABLE holder (pid INTEGER); INSERT INTO holder VALUES (1)');
    db.close();
  };
  const FOREIGN: readonly (readonly [string, (file: string) => void, string])[] = [
    ["another program's database", theirs('delete'), 'is not a lock of Landfall'],
    ["another program's database in WAL mode", theirs('wal'), 'is not a lock of Landfall'],
    [
      'a text',
      (file) => {
        writeFileSync(file, '4711\n'.repeat(2048));
      },
      'is not a lock of Landfall',
    ],
    [
      'a folder',
      (file) => {
        mkdirSync(file);
      },
      'is not a regular file',
    ],
    ['a pipe', (file) => execFileSync('mkfifo', [file]), 'is not a regular file'],
    [
      'a link',
      (file) => {
        symlinkSync('elsewhere', file);
      },
      'is not a regular file',
    ],
  ];

  test.each(FOREIGN)('%s', (kind, make, problem) => {
    const folder = tempFolder();
    const db = join(folder, 'x.sqlite');
    make(`${db}.lock`);
    const content = () => (problem === 'is not a lock of Landfall' ? readFileSync(`${db}.lock`, 'latin1') : '');
    const before = content();
    expect(lookAtLock(db)).toEqual({ kind: 'unknown' });
    let said: unknown;
    try {
      tryLock(db, ME);
    } catch (error) {
      said = error;
    }
    expect(said, kind).toBeInstanceOf(LandfallError);
    expect(String(said)).toContain(`${db}.lock ${problem}`);
    expect(String(said)).toContain('nothing was changed');
    expect(readdirSync(folder)).toEqual(['x.sqlite.lock']);
    expect(content() === before).toBe(true);
  });

  test('but one whose making a power cut ended is made anew', () => {
    const db = join(tempFolder(), 'x.sqlite');
    writeFileSync(`${db}.lock`, '');
    tryLock(db, ME)?.release();
    expect(lookAtLock(db)).toEqual({ kind: 'free' });
    // With the journal by which SQLite undoes what was not whole.
    const journal = Buffer.alloc(512);
    Buffer.from('d9d505f920a163d7', 'hex').copy(journal);
    journal.writeUInt32BE(512, 20);
    journal.writeUInt32BE(4096, 24);
    writeFileSync(`${db}.lock`, Buffer.alloc(4096));
    writeFileSync(`${db}.lock-journal`, journal);
    const lock = tryLock(db, ME);
    expect(lock).not.toBeNull();
    lock?.release();
  });
});

test.each([243, 255, 300])(
  'a name of %i bytes leaves no room for those of the files beside it, which is said at once',
  (bytes) => {
    const folder = tempFolder();
    expect(() => tryLock(join(folder, 'é'.repeat(bytes / 2).padEnd(bytes - Math.floor(bytes / 2), 'x')), ME)).toThrow(
      'its name is too long: at most 242 bytes',
    );
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('the longest name is taken', () => {
  const db = join(tempFolder(), 'x'.repeat(242));
  const lock = tryLock(db, ME);
  expect(lookAtLock(db)).toEqual({ kind: 'held', holder: ME });
  lock?.release();
});

test('someone on the way out is waited for', async () => {
  const db = join(tempFolder(), 'x.sqlite');
  const lock = tryLock(db, ME);
  setTimeout(() => lock?.release(), 50);
  const taken = await takeLock(db, { ...ME, pid: 1 }, never);
  expect(taken).toHaveProperty('release');
  if (taken !== null && 'release' in taken) taken.release();
});

test('it dies with the process that holds it, however that ends', () => {
  const db = join(tempFolder(), 'x.sqlite');
  const script = `
    import { tryLock } from ${JSON.stringify(join(ROOT, 'src/store/sqlite/lock.ts'))};
    tryLock(${JSON.stringify(db)}, ${JSON.stringify(ME)});
    process.kill(process.pid, 'SIGKILL');`;
  expect(() => execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })).toThrow();
  const lock = tryLock(db, { ...ME, pid: 1 });
  expect(lock).not.toBeNull();
  lock?.release();
});

test('a lock file that may not be opened is said at once: it is no fault of the disk, which may pass', () => {
  const folder = tempFolder();
  chmodSync(folder, 0o777);
  const db = join(folder, 'x.sqlite');
  writeFileSync(`${db}.lock`, '');
  chmodSync(`${db}.lock`, 0o000);
  const instead = `tryLock(${JSON.stringify(db)}, {})`;
  expect(openInChild(db, { unprivileged: process.getuid?.() === 0, instead })).toMatch(
    /^LandfallError - .*the lock file beside it cannot be written/,
  );
});

test('a lock that cannot be looked at, since its folder is a file, is said at once', () => {
  const file = join(tempFolder(), 'file');
  writeFileSync(file, '');
  expect(() => tryLock(join(file, 'x.sqlite'), ME)).toThrow(LandfallError);
});

test('the refusal says who holds it and what to do', () => {
  expect(heldBy('/db/x.sqlite', ME).message).toBe(
    '/db/x.sqlite has been in use since 2026-08-10T12:00:00.000Z by "run", process 4711 on here ' +
      '(only one process writes a database: stop that one first, or name another database with --db)',
  );
});
