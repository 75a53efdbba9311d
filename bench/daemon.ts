import Database from 'better-sqlite3';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, linkSync, mkdirSync, openSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CACHE_MIB, LAUNCHER } from './contenders.ts';
import { peakMibOf, processorMs } from './process.ts';

/** A daemon under measurement, with a folder and a database of its own. */
export interface Daemon {
  readonly pid: number;
  readonly landing: string;
  readonly database: string;
  /** Waits until a name is ingested; gives the moment at which that was seen, as performance.now(). */
  ingested(name: string): Promise<number>;
  /** The processor time used so far, ms, over all its processes. */
  processorMs(): number;
  /** The most memory that the processes it now has have held so far, MiB; pages of files, which they share, count once. */
  peakMib(): number;
  /** Tells it to stop. @returns how long that took, ms */
  stop(): Promise<number>;
}

/** What is not over by then hangs, ms. */
const PATIENCE_MS = 600_000;

/** How often a server is asked whether a file is in, in ms: each question takes processor time from the one that is measured. */
const LOOK_EVERY_MS = 5;

/**
 * Starts `landfall run` on `<folder>/landing` and `<folder>/db.sqlite`.
 * @param args more flags
 * @param onServer the database, where it is on a server, and how it is asked
 */
export function startDaemon(
  folder: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
  onServer: { readonly url: string; readonly ask: (sql: string) => Promise<unknown> } | null = null,
): Daemon {
  const landing = join(folder, 'landing');
  const database = onServer?.url ?? join(folder, 'db.sqlite');
  mkdirSync(landing, { recursive: true });
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(
    process.execPath,
    [LAUNCHER, 'run', '--landing', landing, '--db', database, '--cache-mib', String(CACHE_MIB), ...args],
    { stdio: ['ignore', log, log], env: { ...process.env, ...env } },
  );
  closeSync(log);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the daemon cannot be started');
  let reader: Database.Database | null = null;
  let findIngested: Database.Statement<[string]> | null = null;
  const isIngested = async (name: string): Promise<boolean> => {
    if (onServer !== null) {
      const found = onServer.ask(`SELECT 1 FROM files WHERE name = '${name}' AND state = 'ingested'`);
      // Until it is set up there is no such table.
      return (await found.catch(() => null)) === 1;
    }
    reader ??= openReader(database);
    // Prepared once: asked every millisecond, it takes from what is measured.
    findIngested ??= reader?.prepare(`SELECT 1 FROM files WHERE name = ? AND state = 'ingested'`) ?? null;
    return findIngested?.get(name) !== undefined;
  };

  return {
    pid,
    landing,
    database,
    async ingested(name) {
      const deadline = performance.now() + PATIENCE_MS;
      for (;;) {
        const isThere = await isIngested(name);
        const now = performance.now();
        if (isThere) return now;
        if (child.exitCode !== null || now > deadline)
          throw new Error(`the daemon has not ingested ${name}: see ${folder}/log`);
        await sleep(onServer === null ? 1 : LOOK_EVERY_MS);
      }
    },
    processorMs: () => processorMs(pid),
    peakMib: () => peakMibOf(pid),
    async stop() {
      reader?.close();
      reader = null;
      const begun = performance.now();
      child.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`the daemon exited with ${code}: see ${folder}/log`);
      return performance.now() - begun;
    },
  };
}

/** Opens the database once it is there and has its tables. */
function openReader(database: string): Database.Database | null {
  if (!existsSync(database)) return null;
  const reader = new Database(database, { readonly: true });
  const ready = reader.prepare(`SELECT count(*) FROM sqlite_schema WHERE name = 'files'`).pluck().get();
  if (ready === 1) return reader;
  reader.close();
  return null;
}

/** Where a file is made ready: beside the landing folder, so that its drop is one event in it. */
function incoming(landing: string, name: string): string {
  const folder = join(dirname(landing), 'incoming');
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}

/** Drops a generated file into a landing folder, as one rename. @returns its name */
export function drop(daemon: Pick<Daemon, 'landing'>, path: string): string {
  const name = basename(path);
  const partial = incoming(daemon.landing, name);
  linkSync(path, partial);
  renameSync(partial, join(daemon.landing, name));
  return name;
}

/** Writes and drops a file of its own making, as one rename. */
export function dropText(daemon: Pick<Daemon, 'landing'>, name: string, text: string, modified?: Date): void {
  const partial = incoming(daemon.landing, name);
  writeFileSync(partial, text);
  if (modified !== undefined) utimesSync(partial, modified, modified);
  renameSync(partial, join(daemon.landing, name));
}
