import Database from 'better-sqlite3';
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommandLine } from '../src/command-line.ts';
import { createBilling, LEAK } from './helpers/billing.ts';
import { captureIo } from './helpers/command-io.ts';
import { feedFileName, writeFeedFile } from './helpers/feed-files.ts';
import { openDesk, ROOT } from './helpers/ingest.ts';
import { tempFolder } from './helpers/temp.ts';

const LAUNCHER = join(ROOT, 'bin/landfall.cjs');

function landfall(args: readonly string[], env: Record<string, string> = {}): SpawnSyncReturns<string> {
  const { PATH } = process.env;
  return spawnSync(process.execPath, [LAUNCHER, ...args], {
    encoding: 'utf8',
    cwd: ROOT,
    env: { PATH, LANDFALL_LOG_LEVEL: 'trace', ...env },
  });
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
  [['help', 'foo'], "error: unknown command 'foo'"],
  [['help', 'statsu'], '(Did you mean status?)'],
  [['status', '--jsn'], "error: unknown option '--jsn'"],
  [['rejects', '--json', '--csv'], 'cannot be used with'],
  [['files', '--limit', 'few'], 'It must be a whole number.'],
  [['completion'], 'completion needs a shell: bash, zsh or fish\n'],
  [['check'], "missing required argument 'file'"],
  [['preview', 'x', '--quote', '`'], "argument '`' is invalid. Allowed choices are"],
])('wrong usage %j ends with 1 and says what is wrong', async (args, message) => {
  const io = captureIo();
  expect(await runCommandLine(args, { open: () => io })).toBe(1);
  expect(io.written.out).toBe('');
  expect(io.written.err).toContain(message);
});

test.each([
  ['\u001b[2J\nlandfall: all is well', '\\x1b[2J\\nlandfall: all is well'],
  ['statu\u009b', 'statu\\x9b'],
])('a wrong word cannot move the cursor or fake a line', async (word, shown) => {
  for (const args of [[word], ['status', `--${word}`], ['files', '--limit', word]]) {
    const io = captureIo();
    expect(await runCommandLine(args, { open: () => io })).toBe(1);
    expect(io.written.err).toContain(shown);
    expect(io.written.err).not.toMatch(/[^\n\P{Cc}]|^landfall/mu);
  }
});

test('on a terminal wrong usage is told in lines that are broken at spaces, in a pipe in one', async () => {
  const said = async (terminal: boolean) => {
    const io = captureIo({ terminal });
    const stderr = { ...io.stderr, columns: 40 };
    expect(await runCommandLine(['preview', 'x', '--quote', '`'], { open: () => ({ ...io, stderr }) })).toBe(1);
    return io.written.err.split('\n');
  };
  const [line = '', ...rest] = await said(false);
  const lines = (await said(true)).slice(0, -rest.length);
  expect(lines.length).toBeGreaterThan(1);
  for (const each of lines) expect(each.length).toBeLessThanOrEqual(40);
  expect(lines.join(' ')).toBe(line);
});

test('help is what --help is, of the program and of a command', async () => {
  const said = async (...args: readonly string[]): Promise<string> => {
    const io = captureIo();
    expect(await runCommandLine(args, { open: () => io })).toBe(0);
    expect(io.written.err).toBe('');
    return io.written.out;
  };
  const help = await said('help');
  expect(help).toContain('Exit codes:');
  expect(help).toBe(await said('--help'));
  const ofRun = await said('help', 'run');
  expect(ofRun).toContain('Watches the landing folder and loads what arrives');
  expect(ofRun).toBe(await said('run', '--help'));
});

test('wrong settings end with 1, all of them named', () => {
  const { status, stdout, stderr } = landfall(['run', '--settle', 'soon', '--after', 'burn']);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^landfall: 2 settings are wrong:\n {2}--settle must be a time .*\n {2}--after must .*\n$/);
});

test('an error is one clear line; a name in it cannot move the cursor or fake a line', () => {
  const { status, stderr } = landfall(['status', '--db', '/no\u001b[2J\nlandfall: all is well']);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^landfall: \/no\\x1b\[2J\\nlandfall: all is well does not exist \(.*\)\n$/);
});

test('a database that is damaged ends every command with 4, and is left as it is; a file that is none with 1', () => {
  const db = join(tempFolder(), 'x.sqlite');
  const sound = new Database(db);
  sound.pragma('application_id = 0x4c616e64');
  sound.close();
  writeFileSync(db, 'overwritten', { flag: 'r+' });
  const before = statSync(db);
  for (const command of ['status', 'once', 'verify']) {
    const { status, stdout, stderr } = landfall([command, '--db', db]);
    expect(status, command).toBe(4);
    expect(stdout + stderr).toContain(db);
  }
  expect(landfall(['status', '--db', import.meta.filename]).status).toBe(1);
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

test('once tells each time which names make it end with 3, and says what it leaves for another run', () => {
  const folder = tempFolder();
  mkdirSync(join(folder, feedFileName('Visit', '20260801_060000')));
  writeFileSync(join(folder, feedFileName('Visit', '20260802_060000')), '');
  writeFileSync(join(folder, `${feedFileName('Visit', '20260803_060000')}.part`), 'x');
  const args = ['once', '--landing', folder, '--db', join(folder, 'db/x.sqlite'), '--settle', '0'];
  for (const { status, stdout } of [landfall(args), landfall(args)]) {
    expect(status).toBe(3);
    expect(stdout).toContain('"code":"not_a_file"');
    expect(stdout).toContain('"quarantined":1');
    expect(stdout).toContain('; 2 empty files or unfinished uploads left for another run');
  }
});

test('a reader of the output that goes away is no error', async () => {
  const desk = openDesk();
  const insert = desk.db
    .prepare(`INSERT INTO files (feed, feed_hash, program, name, revision, bytes, mtime_ns, ctime_ns, inode, state,
    started_at, finished_at) VALUES ('visitpay', '', '', ?, 1, 0, 0, 0, 0, 'ingested', '', '')`);
  desk.db.transaction(() => {
    for (let count = 0; count < 5000; count++) insert.run(`name ${count}`);
  })();
  const child = spawn(process.execPath, [LAUNCHER, 'files', '--json', '--db', desk.database.file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(complaints).toBe('');
  expect(code).toBe(0);
});

test('journald gets priorities where it is what reads the output, and nobody else does', () => {
  const folder = tempFolder();
  const path = join(folder, 'log');
  const stdout = openSync(path, 'w');
  const { dev, ino } = fstatSync(stdout);
  const args = [LAUNCHER, 'once', '--landing', folder, '--db', join(folder, 'db/x.sqlite')];
  for (const stream of [`${dev}:${ino}`, `${dev}:${ino + 1}`]) {
    const env = { ...process.env, JOURNAL_STREAM: stream };
    expect(spawnSync(process.execPath, args, { env, stdio: ['ignore', stdout, 'inherit'] }).status).toBe(0);
  }
  closeSync(stdout);
  const begins = readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => line.slice(0, 4)); // prettier-ignore
  expect([...new Set(begins)]).toEqual(['<6>{', '{"le']);
});

test('P7: a signal ends check at once, in the middle of a large file', async () => {
  const folder = tempFolder();
  const billing = createBilling(1);
  const row = billing.procedure();
  const rows = Array.from({ length: 150_000 }, (_, at) => ({ ...row, ProcedureID: `P${at}` }));
  const { path } = writeFeedFile(folder, 'Procedure', '20260801_060000', rows);
  const args = ['check', path, '--db', join(folder, 'none.sqlite')];
  const child = spawn(process.execPath, [join(ROOT, 'src/main.ts'), ...args], { cwd: ROOT, stdio: 'ignore' });
  const ended = new Promise<string | number | null>((resolve) => {
    child.on('exit', (code, signal) => {
      resolve(signal ?? code);
    });
  });
  // In the middle of it: it has begun to use the processor in earnest.
  await expect.poll(() => cpuTicks(child.pid ?? 0), { timeout: 20_000 }).toBeGreaterThan(60);
  const killedAt = performance.now();
  child.kill('SIGTERM');
  expect(await ended).toBe('SIGTERM');
  expect(performance.now() - killedAt).toBeLessThan(1000);
});

/** Processor time of a process so far, in hundredths of a second (proc(5), fields 14 and 15). */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
