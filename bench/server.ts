import { linkSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import pg from 'pg';
import { startServer, type Server } from '../test/helpers/postgres-server.ts';
import { type Load, LAUNCHER, ROOT, type TableFile, workFolder } from './contenders.ts';
import { psqlScript } from './peers/psql.ts';
import { measureProcess } from './process.ts';

/** A connection to a database, which ends with its scope. */
export interface Connection extends AsyncDisposable {
  /** As `BenchServer.ask`. */
  readonly ask: (sql: string) => Promise<unknown>;
}

/** A server under measurement, which ends with its scope: that of the tests, which does not wait for the disk. */
export interface BenchServer extends AsyncDisposable {
  /** Makes a database, empty or as a copy of another one. */
  create(name: string, from?: string): Promise<void>;
  drop(name: string): Promise<void>;
  /** Asks a database; gives the first column of its first row. */
  ask(name: string, sql: string): Promise<unknown>;
  /** Connects to a database that is asked often: to make a connection takes the server as long as a small file does. */
  connect(name: string): Promise<Connection>;
  url(name: string, schema?: string): string;
  /** Runs `psql` on a database. */
  psql(name: string, input: string): Promise<Load>;
}

/** Starts a server, or says why there is none, or no `psql`. */
export async function benchServer(): Promise<BenchServer | string> {
  try {
    await measureProcess('psql', ['--version']);
  } catch {
    return 'psql is not installed';
  }
  const server: Server = await startServer();
  const { start } = server;
  if (start.kind === 'unavailable') return start.reason;
  const host = start.folder;
  const connect = async (database: string): Promise<Connection> => {
    const client = new pg.Client({ host, user: 'postgres', database });
    await client.connect();
    return {
      ask: async (sql) => (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows[0]?.[0],
      [Symbol.asyncDispose]: () => client.end(),
    };
  };
  const ask = async (database: string, sql: string): Promise<unknown> => {
    await using connection = await connect(database);
    return await connection.ask(sql);
  };
  return {
    async create(name, from = 'template0') {
      await ask('postgres', `CREATE DATABASE ${name} TEMPLATE ${from} STRATEGY file_copy`);
    },
    async drop(name) {
      await ask('postgres', `DROP DATABASE ${name} WITH (FORCE)`);
    },
    ask,
    connect,
    url: (name, schema = 'public') => `postgres://postgres@/${name}?host=${encodeURIComponent(host)}&schema=${schema}`,
    psql: (name, input) =>
      measureProcess('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', '-h', host, '-U', 'postgres', '-d', name], { input }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The tables of the shipped feed in a database, for peers: with all keys, foreign keys, indexes and lineage, no ledger. */
export async function createPeerTables(server: BenchServer, name: string): Promise<void> {
  const folder = join(ROOT, 'feeds/visitpay/migrations/postgres');
  for (const file of readdirSync(folder).sort()) await server.psql(name, readFileSync(join(folder, file), 'utf8'));
}

/** Loads files with `landfall once`, as a user runs it. */
export async function loadByLandfall(url: string, files: readonly TableFile[]): Promise<Load> {
  using work = workFolder();
  const landing = join(work.path, 'landing');
  mkdirSync(landing);
  for (const { path } of files) linkSync(path, join(landing, basename(path)));
  return await onceOn(url, landing, work.path);
}

/** Runs `landfall once` on a folder. */
export async function onceOn(url: string, landing: string, work: string): Promise<Load> {
  const places = ['--landing', landing, '--db', url, '--state-dir', join(work, 'state'), '--archive', 'none'];
  return await measureProcess(process.execPath, [LAUNCHER, 'once', ...places, '--settle', '0'], { exitCodes: [0, 3] });
}

/** Loads files with `psql`. `repeats`: they may name a key more than once. */
export async function loadByPsql(
  server: BenchServer,
  name: string,
  files: readonly TableFile[],
  repeats: boolean,
): Promise<Load> {
  return await server.psql(name, files.map((file) => psqlScript(file, repeats)).join(''));
}
