import Database from 'better-sqlite3';
import {
  closeSync,
  copyFileSync,
  constants,
  fsyncSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { CACHE } from './generate.ts';
import { measureProcess } from './process.ts';

export const ROOT = join(import.meta.dirname, '..');
export const LAUNCHER = join(ROOT, 'bin/landfall.cjs');

/** SQLite's page cache, MiB: what Landfall has by itself (`--cache-mib`), python and the floor have the same; the shell has its own default. */
export const CACHE_MIB = 128;

/** A generated file and the table that it goes to. */
export interface TableFile {
  readonly table: 'procedures' | 'visits' | 'transactions';
  readonly path: string;
}

/** What a load took. */
export interface Load {
  readonly ms: number;
  readonly peakMib: number;
}

/** Someone who loads feed files into a SQLite database, in a process of their own. */
export interface Contender {
  readonly name: string;
  /** What it takes to run, when that is not there; null when it can run. */
  readonly missing: string | null;
  /** A database with the tables and no rows. */
  create(database: string): void;
  /** Loads files in the order given, each in one transaction. */
  load(database: string, files: readonly TableFile[]): Promise<Load>;
}

/** The contenders as far as they are installed, Landfall first. */
export async function contenders(): Promise<Contender[]> {
  const there = async (command: string): Promise<string | null> => {
    try {
      await measureProcess(command, ['--version']);
      return null;
    } catch {
      return `${command} is not installed`;
    }
  };
  return [
    landfall,
    { ...shell, missing: await there('sqlite3') },
    { ...python, missing: await there('python3') },
    floor,
  ];
}

/** Landfall as a user runs it: `landfall once` on a folder with the files. The time is that of the whole process. */
export const landfall = createLandfall('landfall', []);

/** The same without copies of what is read. */
export const withoutArchive = createLandfall('landfall, no archive', ['--archive', 'none']);

function createLandfall(name: string, more: readonly string[]): Contender {
  return {
    name,
    missing: null,
    create: () => undefined,
    async load(database, files) {
      const landing = mkdtempSync(join(CACHE, 'landing-'));
      try {
        for (const file of files) linkSync(file.path, join(landing, basename(file.path)));
        const { ms, peakMib } = await runLandfall(['once', '--landing', landing, '--db', database, ...more]);
        return { ms, peakMib };
      } finally {
        rmSync(landing, { recursive: true });
      }
    },
  };
}

/** Runs a command of Landfall that ingests to its end, with the contenders' page cache, not waiting for files to settle. */
export async function runLandfall(args: readonly string[]): Promise<Load & { stdout: string }> {
  return measureProcess(process.execPath, [LAUNCHER, ...args, '--settle', '0', '--cache-mib', String(CACHE_MIB)], {
    exitCodes: [0, 3],
  });
}

/** The sqlite3 shell's `.import`: checks nothing but what the database checks. */
const shell: Contender = {
  name: 'sqlite3 shell',
  missing: null,
  create: createPeerDatabase,
  load: async (database, files) =>
    measureProcess('sqlite3', ['-batch', '-bail', database], {
      input: [
        'PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;',
        '.mode csv',
        '.separator |',
        ...files.map((file) => `.import --skip 1 "${file.path}" ${file.table}`),
      ].join('\n'),
    }),
};

/** Python's csv and sqlite3 as in a first version. */
const python: Contender = {
  name: 'python',
  missing: null,
  create: createPeerDatabase,
  load: async (database, files) =>
    measureProcess('python3', [
      join(import.meta.dirname, 'peers/import.py'),
      database,
      String(CACHE_MIB),
      ...named(files),
    ]),
};

/** One prepared better-sqlite3 upsert a row over rows split in memory; only the loops and commits are timed. */
export const floor = createFloor('floor', (ms) => ms.reduce((sum, each) => sum + each, 0));

/** The floor in a process that has taken the other files before the last, which alone is timed: its page cache is warm. */
export const warmFloor = createFloor('floor, warm', (ms) => ms.at(-1) ?? NaN);

/** @param timeOf what counts of the ms of each file */
function createFloor(name: string, timeOf: (ms: readonly number[]) => number): Contender {
  return {
    name,
    missing: null,
    create: createPeerDatabase,
    async load(database, files) {
      const script = join(import.meta.dirname, 'peers/floor.ts');
      const args = ['--max-old-space-size=8192', script, database, String(CACHE_MIB), ...named(files)];
      const { stdout, peakMib } = await measureProcess(process.execPath, args);
      const { ms } = z.object({ ms: z.array(z.number()) }).parse(JSON.parse(stdout));
      return { ms: timeOf(ms), peakMib };
    },
  };
}

/** The floor of children first, from the rows of a database that landfall has filled; only statements and commits are timed. */
export async function waitingFloor(filled: string): Promise<Load> {
  const script = join(import.meta.dirname, 'peers/waiting-floor.ts');
  const { stdout, peakMib } = await measureProcess(process.execPath, [script, filled, String(CACHE_MIB)]);
  return { ...z.object({ ms: z.number() }).parse(JSON.parse(stdout)), peakMib };
}

function named(files: readonly TableFile[]): string[] {
  return files.map((file) => `${file.table}=${file.path}`);
}

function createPeerDatabase(database: string): void {
  const db = new Database(database);
  db.pragma('journal_mode = WAL');
  db.exec(readFileSync(join(import.meta.dirname, 'peers/schema.sql'), 'utf8'));
  db.close();
}

/** Reads files once, so that nobody has to wait for the disk. */
export function warm(files: readonly TableFile[]): void {
  for (const file of files) readFileSync(file.path);
}

/** Copies a closed database, and waits until the disk has it: nobody's commit is to wait for that. */
export function copyDatabase(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  const handle = openSync(to, 'r+');
  fsyncSync(handle);
  closeSync(handle);
}

/** Makes a peers' database with the rows of one of landfall's, in the same order and as densely packed. */
export function copyRows(from: string, to: string): void {
  createPeerDatabase(to);
  const db = new Database(to);
  db.prepare('ATTACH ? AS filled').run(from);
  const indexes = db
    .prepare<[], { name: string; sql: string }>(
      `SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`,
    )
    .all();
  for (const { name } of indexes) db.exec(`DROP INDEX main.${name}`);
  for (const table of ['procedures', 'visits', 'transactions']) {
    const columns = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table).join(', ');
    db.exec(`INSERT INTO main.${table} (${columns}) SELECT ${columns} FROM filled.${table} ORDER BY rowid`);
  }
  for (const { sql } of indexes) db.exec(sql);
  db.close();
}

/** A folder that is removed at the end of its scope. */
export function workFolder(): { path: string } & Disposable {
  mkdirSync(CACHE, { recursive: true });
  const path = mkdtempSync(join(CACHE, 'work-'));
  return {
    path,
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true });
    },
  };
}
