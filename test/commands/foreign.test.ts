import Database from 'better-sqlite3';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LandfallError } from '../../src/model/errors.ts';
import { tryLock } from '../../src/store/sqlite/lock.ts';
import { closeDatabase } from '../../src/store/sqlite/open.ts';
import { runCommandLine } from '../../src/command-line.ts';
import { captureIo } from '../helpers/command-io.ts';
import { createSite } from '../helpers/daemon.ts';
import { writeFeedFile } from '../helpers/feed-files.ts';
import { openDesk } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

const COMMANDS = ['once', 'retry', 'status', 'files', 'rejects', 'verify', 'check'] as const;

/** Everything in a folder: name, mode, times and bytes. */
function state(folder: string): unknown[] {
  return readdirSync(folder).map((name) => {
    const { mode, mtimeNs, ctimeNs } = statSync(join(folder, name), { bigint: true });
    return [name, mode, mtimeNs, ctimeNs, readFileSync(join(folder, name), 'latin1')];
  });
}

const KINDS: readonly (readonly [string, (file: string) => void, RegExp])[] = [
  [
    'a text',
    (file) => {
      writeFileSync(file, 'root:x:0:0:root:/root:/bin/sh\n'.repeat(9));
    },
    /is not a database \(nothing was changed; name another file with --db/,
  ],
  [
    "another program's database with its write-ahead log",
    (file) => {
      const theirs = new Database(join(tempFolder(), 'theirs'));
      theirs.pragma('journal_mode = WAL');
      theirs.exec('CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)');
      for (const end of ['', '-wal']) copyFileSync(`${theirs.name}${end}`, `${file}${end}`);
      theirs.close();
    },
    /another program's database.*nothing was changed; name another file with --db/,
  ],
  [
    "a database of Landfall's with a second name",
    (file) => {
      const db = new Database(file);
      db.pragma('application_id = 0x4c616e64');
      db.close();
      linkSync(file, `${file}.other`);
    },
    /has 2 names \(hard links\).*would have a write-ahead log of its own.*leave it one/,
  ],
];

test.each(['.lock', '.alive', '.alive.new'])('run: another file at NAME%s is named, and left as it is', async (end) => {
  const folder = tempFolder();
  const landing = join(folder, 'landing');
  mkdirSync(landing);
  mkdirSync(join(folder, 'db'));
  const db = join(folder, 'db/x.sqlite');
  writeFileSync(`${db}${end}`, 'theirs');
  const io = captureIo();
  const said = await runCommandLine(['run', '--landing', landing, '--db', db], { open: () => io }).catch(String);
  expect(`${said} ${io.written.out}`).toMatch(
    /x\.sqlite\S+ is not a (lock|heartbeat) of Landfall.* \(nothing was changed; move it away/,
  );
  expect(readFileSync(`${db}${end}`, 'utf8')).toBe('theirs');
});

describe("a database of Landfall's that was cut off", () => {
  test.each([1, 16, 99, 4096])('to %i bytes is called damaged, and left as it is', async (bytes) => {
    const desk = openDesk();
    const db = desk.database.file;
    closeDatabase(desk.database);
    tryLock(db, { pid: 1, host: '', command: 'run', since: '' })?.release();
    truncateSync(db, bytes);
    for (const command of ['once', 'status', 'verify'] as const) {
      const io = captureIo();
      const args = [command, '--landing', desk.landing, '--db', db];
      const said = await runCommandLine(args, { open: () => io }).catch((error: unknown) => error);
      expect(said instanceof LandfallError ? said.exitCode : said, command).toBe(4);
      expect(`${String(said)} ${io.written.err} ${io.written.out}`).toContain(
        'is not a sound SQLite database (stop, keep a copy, and restore a backup',
      );
      expect(statSync(db).size).toBe(bytes);
    }
  });
});

describe.each(KINDS)('--db on %s', (_, write, message) => {
  function prepare(folder: string): { db: string; landing: string; file: string; name: string } {
    const landing = join(folder, 'landing');
    mkdirSync(landing, { recursive: true });
    mkdirSync(join(folder, 'etc'));
    const { path, name } = writeFeedFile(landing, 'Procedure', '20260801_060000', []);
    const db = join(folder, 'etc/passwd');
    write(db);
    return { db, landing, file: path, name };
  }

  test.each(COMMANDS)('%s says what it is, and leaves nothing beside it', async (command) => {
    const { db, landing, file, name } = prepare(tempFolder());
    const before = state(join(db, '..'));
    const operands = { retry: [name], check: [file] }[command as string] ?? [];
    const settings = ['--landing', landing, '--db', db];
    const io = captureIo();
    const said = await runCommandLine([command, ...settings, ...operands], { open: () => io }).then(
      () => io.written.err,
      (error: unknown) => String(error),
    );
    expect(said).toMatch(message);
    expect(state(join(db, '..'))).toEqual(before);
  });

  test('run says what it is, ends with 1, and leaves nothing beside it', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { db } = prepare(site.folder);
    const before = state(join(db, '..'));
    const daemon = site.start('run', { args: ['--db', db] });
    expect(await daemon.ended).toBe(1);
    expect(daemon.output() + daemon.errors()).toMatch(message);
    expect(state(join(db, '..'))).toEqual(before);
  });
});
