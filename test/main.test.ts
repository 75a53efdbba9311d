import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createBilling, LEAK } from './helpers/billing.ts';
import { writeFeedFile } from './helpers/feed-files.ts';
import { openDesk, ROOT } from './helpers/ingest.ts';
import { tempFolder } from './helpers/temp.ts';

const MAIN = join(ROOT, 'src/main.ts');

function landfall(args: readonly string[], env: Record<string, string> = {}): SpawnSyncReturns<string> {
  const { PATH } = process.env;
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', cwd: ROOT, env: { PATH, ...env } });
}

test('--help names the commands, and --version the version', () => {
  const help = landfall(['--help']);
  expect(help.status).toBe(0);
  for (const command of [
    'run',
    'once',
    'retry',
    'status',
    'files',
    'rejects',
    'check',
    'preview',
    'verify',
    'Examples:',
    'Exit codes:',
  ]) {
    expect(help.stdout).toContain(command);
  }
  expect(landfall(['--version']).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each([
  [['statsu'], "error: unknown command 'statsu'"],
  [['status', '--jsn'], "error: unknown option '--jsn'"],
  [['rejects', '--json', '--csv'], 'cannot be used with'],
  [['files', '--limit', 'few'], 'It must be a whole number.'],
  [['check'], "missing required argument 'file'"],
  [
    ['status', '--db', '/nowhere/x.sqlite'],
    'landfall: open database /nowhere/x.sqlite: there is no such file (start the daemon once',
  ],
  [['run', '--settle', 'soon', '--after', 'burn'], 'landfall: read settings: 2 are wrong\n  --settle: must be a time'],
  [['once', '--feed', '/nowhere.yaml'], 'landfall: read feed definition /nowhere.yaml: cannot be read: ENOENT'],
])('%j ends with 1 and one clear line', (args, message) => {
  const { status, stdout, stderr } = landfall(args);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
});

test('a name in an error cannot move the cursor or fake a line', () => {
  const { stderr } = landfall(['status', '--db', '/no\u001b[2J\nlandfall: all is well']);
  expect(stderr).toContain('/no\\x1b[2J\\nlandfall: all is well');
});

test('a file for the database that is not one is refused, and left as it is', () => {
  const db = join(tempFolder(), 'x.sqlite');
  writeFileSync(db, 'no database at all, but more than a header of a hundred bytes'.repeat(9));
  const before = statSync(db);
  const { status, stderr } = landfall(['status', '--db', db]);
  expect(status).toBe(1);
  expect(stderr).toContain(db);
  expect(statSync(db)).toMatchObject({ size: before.size, mtimeMs: before.mtimeMs });
});

test('once takes what is there and ends with 3 when a row was rejected; the database is for owner and group only', () => {
  const folder = tempFolder();
  const billing = createBilling(1);
  const rows = [billing.procedure(), billing.procedure(), { ...billing.procedure(), EffectiveDate: 'ZQX' }];
  writeFeedFile(folder, 'Procedure', '20260801_060000', rows);
  const db = join(folder, 'db/x.sqlite');
  const args = ['--landing', folder, '--db', db];
  const umask = process.umask(0);
  const first = landfall(['once', ...args], { LANDFALL_SETTLE: '0' });
  process.umask(umask);
  expect(first.status).toBe(3);
  for (const line of first.stdout.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  expect(first.stdout + first.stderr).not.toMatch(LEAK);
  expect(statSync(db).mode & 0o777).toBe(0o660);
  expect(statSync(join(folder, 'db')).mode & 0o7777).toBe(0o2770);
  expect(landfall(['once', ...args, '--settle', '0']).status).toBe(0);
  expect(JSON.parse(landfall(['rejects', ...args, '--json']).stdout)).toMatchObject([{ line: 4, code: 'bad_date' }]);
});

test('a reader of the output that goes away is no error', async () => {
  const desk = openDesk();
  const insert = desk.store.db
    .prepare(`INSERT INTO files (feed, feed_hash, program, name, revision, bytes, mtime_ns, ctime_ns, inode, state,
    started_at, finished_at) VALUES ('visitpay', '', '', ?, 1, 0, 0, 0, 0, 'ingested', '', '')`);
  desk.store.db.transaction(() => {
    for (let count = 0; count < 5000; count++) insert.run(`name ${count}`);
  })();
  const child = spawn(process.execPath, [MAIN, 'files', '--json', '--db', desk.store.file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(complaints).toBe('');
  expect(code).toBe(0);
});
