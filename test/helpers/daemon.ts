import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { readHeartbeat, type Heartbeat } from '../../src/status/heartbeat.ts';
import { openForReading } from '../../src/store/sqlite/open.ts';
import { ROOT } from './ingest.ts';
import { watchForLeaks } from './leak.ts';
import { tempFolder } from './temp.ts';

/** A real daemon, or another long command, in processes of its own. */
export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The lines of its standard output so far, each read as JSON. */
  readonly log: () => Record<string, unknown>[];
  readonly output: () => string;
  readonly errors: () => string;
  /** Ends with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

export interface RunningOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A descriptor for its standard input; else it is empty. */
  readonly stdin?: number;
  /** A program, with its arguments, that runs the command given after them. */
  readonly by?: readonly string[];
}

/** The commands that take files. */
type Command = 'run' | 'once' | 'retry';

/** A folder with `landing/` and a database, and what is started on it. */
export interface Site {
  readonly folder: string;
  readonly landing: string;
  start(command: Command, options?: RunningOptions): Running;
}

/**
 * Makes a site for one test.
 * @param onTestFinished the test's own, from its context: these tests run beside each other. Whatever is left is killed then.
 */
export function createSite(onTestFinished: (cleanUp: () => void | Promise<void>) => void): Site {
  const folder = tempFolder(onTestFinished);
  const landing = join(folder, 'landing');
  mkdirSync(landing);
  return {
    folder,
    landing,
    start(command, options = {}) {
      const running = start(command, folder, options);
      watchForLeaks(() => running.output() + running.errors(), onTestFinished);
      onTestFinished(async () => {
        // The worker holds the other end of the pipes: they close when it has gone too.
        running.child.kill('SIGCONT');
        running.child.kill('SIGKILL');
        await running.ended;
      });
      return running;
    },
  };
}

function start(command: Command, folder: string, options: RunningOptions): Running {
  const places = ['--landing', join(folder, 'landing'), '--db', databaseOf(folder)];
  const landfall = [process.execPath, join(ROOT, 'bin/landfall.cjs'), command, ...places, ...(options.args ?? [])];
  const [program = '', ...args] = [...(options.by ?? []), ...landfall];
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], LANDFALL_LOG_LEVEL: 'trace', ...options.env },
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('cannot start');
  let output = '';
  let errors = '';
  child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (errors += data.toString()));
  const ended = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => {
      resolve(signal ?? code ?? -1);
    });
  });
  return {
    child,
    pid,
    output: () => output,
    errors: () => errors,
    log: () =>
      output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    ended,
  };
}

export function databaseOf(folder: string): string {
  return join(folder, 'db/x.sqlite');
}

/** Waits until what the daemon says of itself is so. */
export async function heartbeatWhen(
  folder: string,
  is: (alive: Heartbeat) => boolean,
  timeout = 60_000,
): Promise<Heartbeat> {
  return vi.waitFor(
    () => {
      const alive = readHeartbeat(databaseOf(folder));
      if (alive === null || !is(alive)) throw new Error(`not yet: ${JSON.stringify(alive)}`);
      return alive;
    },
    { timeout, interval: 20 },
  );
}

/** What a query says of the database, as a reader beside the daemon sees it. */
export function query(folder: string, sql: string): unknown[] {
  const db = openForReading(databaseOf(folder));
  try {
    return db.prepare(sql).raw().all();
  } finally {
    db.close();
  }
}

/** Waits until a query says what is expected. */
export async function queryUntil(folder: string, sql: string, expected: unknown, timeout = 60_000): Promise<void> {
  await vi.waitFor(
    () => {
      const rows = JSON.stringify(query(folder, sql));
      if (rows !== JSON.stringify(expected)) throw new Error(`not yet: ${rows}`);
    },
    { timeout, interval: 20 },
  );
}

/** Waits until a process has ended: one that was killed is still there while the system takes its memory apart. */
export async function untilGone(pid: number, timeout = 20_000): Promise<void> {
  await vi.waitFor(
    () => {
      if (isRunning(pid)) throw new Error(`process ${pid} is still running`);
    },
    { timeout, interval: 20 },
  );
}

/** Whether a process is there and not just a corpse that nobody has fetched. */
function isRunning(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
}

/** The processes that a process has started and that are still there. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Where the page is served, as the log says. */
export async function addressOf(daemon: Running): Promise<string> {
  return await vi.waitFor(
    () => {
      const found = daemon.log().find((line) => typeof line['http'] === 'string')?.['http'];
      if (typeof found !== 'string') throw new Error('not yet');
      return found;
    },
    { timeout: 60_000, interval: 20 },
  );
}
