/**
 * A process that runs a PostgreSQL server for as long as its standard input is open, and leaves nothing behind: however its parent
 * ends, the pipe closes. Prints one line of JSON, a `ServerStart`. Started by postgres-server.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asRoot, findBinaries, isOpenToAll, NOBODY } from './postgres-binaries.ts';
import type { ServerStart } from './postgres-server.ts';

/** Then comes the id of the process whose folder it is. */
const FOLDER_PREFIX = 'landfall-postgres-';

/** Speed for safety: what a crash of the machine would cost, the end of the tests costs anyway. */
const SERVER_OPTIONS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '128MB',
  shared_buffers: '64MB',
  max_connections: '60',
  autovacuum: 'off',
  // In the server's folder: what a killed server leaves in /dev/shm would stay there.
  dynamic_shared_memory_type: 'mmap',
  // Nothing but its starting and stopping: errors are the clients' to tell, and could quote rows.
  log_min_messages: 'log',
  log_checkpoints: 'off',
};

const READY = 'database system is ready to accept connections';

const stopped = Promise.withResolvers<null>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopped.resolve(null);
  });
}
process.stdin.resume().on('close', () => {
  stopped.resolve(null);
});

const root = findRoot();
removeAbandoned(root);
const folder = mkdtempSync(join(root, `${FOLDER_PREFIX}${process.pid}-`));
const begun: { readonly child: ChildProcess; readonly ended: Promise<string> }[] = [];
try {
  if (asRoot) chownSync(folder, NOBODY, NOBODY);
  const binaries = findBinaries(folder);
  const data = join(folder, 'data');
  const initdb = start(join(binaries, 'initdb'), [
    ...['-D', data, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
  ]);
  if ((await Promise.race([stopped.promise, initdb.ended])) !== null) {
    const options = Object.entries(SERVER_OPTIONS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = start(join(binaries, 'postgres'), ['-D', data, '-k', folder, '-h', '', ...options], READY);
    if ((await Promise.race([stopped.promise, server.said])) !== null) tell({ kind: 'running', folder });
    await Promise.race([stopped.promise, server.ended]);
  }
} catch (error) {
  tell({ kind: 'unavailable', reason: error instanceof Error ? error.message : String(error) });
} finally {
  // To the server: end at once, without saving what is going to be removed.
  for (const { child } of begun) child.kill('SIGQUIT');
  await Promise.allSettled(begun.map(({ ended }) => ended));
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
process.exit();

function tell(line: ServerStart): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/**
 * Starts a program as somebody who may run it.
 * @param sign what it writes to standard error when it is ready
 * @returns `said`: when it has written that; `ended`: when it has ended well. Both throw when it ends otherwise
 */
function start(
  program: string,
  args: readonly string[],
  sign = '',
): { readonly said: Promise<string>; readonly ended: Promise<string> } {
  const said = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<string>();
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(asRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  begun.push({ child, ended: ended.promise });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-2_000);
    if (sign !== '' && log.includes(sign)) said.resolve(sign);
  });
  const fail = (error: Error): void => {
    said.reject(error);
    ended.reject(error);
  };
  child.on('error', fail);
  child.on('close', (code) => {
    if (code !== 0) fail(new Error(`${program} ended with ${code ?? 'a signal'}: ${log.trim()}`));
    ended.resolve('');
  });
  // Either may be asked for, or neither.
  said.promise.catch(() => undefined);
  ended.promise.catch(() => undefined);
  return { said: said.promise, ended: ended.promise };
}

/** A folder for temporary files that the server's user can reach. */
function findRoot(): string {
  const usual = [tmpdir(), '/tmp', '/var/tmp'];
  return (asRoot ? usual.find((place) => isOpenToAll(place)) : undefined) ?? tmpdir();
}

/** Removes the folders of guardians that were killed themselves; a server that lost its folder ends within a minute. */
function removeAbandoned(place: string): void {
  for (const name of readdirSync(place)) {
    if (!name.startsWith(FOLDER_PREFIX) || isAlive(Number.parseInt(name.slice(FOLDER_PREFIX.length), 10))) continue;
    rmSync(join(place, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
