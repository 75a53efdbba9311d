/** The campaign on PostgreSQL: one daemon or several, which are killed, as is the server, against SQLite's tables for the same files. */
import Database from 'better-sqlite3';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { MARKER, findLeak } from '../helpers/billing.ts';
import { type DatasetName, type Row, feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { startServer } from '../helpers/postgres-server.ts';
import { createRandom, type Random } from '../helpers/random.ts';
import { TABLE_COLUMNS } from './feeds.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/landfall.cjs');

/** Longer than a file takes on a busy machine, in ms. */
const PATIENCE_MS = 1_500;

/** What is delivered, by how many daemons it is taken, and how often something is killed meanwhile. */
export interface ServerPlan {
  readonly seed: number;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly daemons: number;
  readonly kills: number;
}

/** What a run came to. */
export interface ServerResult {
  /** One line for each difference. */
  readonly differences: readonly string[];
  /** How many kills hit something that was at work. */
  readonly hits: number;
}

/** Files of a few days whose rows change from one to the next, and whose parents may come later or never. */
export function makeDeliveries(seed: number, days: number, rows: number): ServerPlan['files'] {
  const random = createRandom(seed);
  const key = (letter: string, many: number): string => `${letter}${random.below(many)}`;
  const make: Readonly<Record<DatasetName, () => Row>> = {
    Procedure: () => ({ ProcedureID: key('P', rows), ProcedureCode: 'C', Description: key('d', 9) }),
    Visit: () => ({
      ...{ VisitID: key('V', rows * 2), ProcedureID: key('P', rows + 3), PatientID: key('M', 9) },
      ...{ VisitDate: '2026-08-01', PatientName: key(`Zo\u00eb ${MARKER}`, 9) },
    }),
    Transaction: () => ({
      ...{ TransactionID: key('T', rows * 3), VisitID: key('V', rows * 2 + 3), ProcedureID: key('P', rows + 3) },
      ...{ TransactionDate: '2026-08-01', TransactionType: 'Charge', Amount: `${random.below(999)}.50` },
    }),
  };
  return Array.from({ length: days }, (_, day) => new Date(Date.UTC(2026, 0, 1 + day)))
    .map((date) =>
      date
        .toISOString()
        .replace('T', '_')
        .replaceAll(/[-:]|\..*/g, ''),
    )
    .flatMap((stamp) =>
      (Object.keys(make) as DatasetName[]).map((dataset) => ({
        name: feedFileName(dataset, stamp),
        text: feedFileText(dataset, Array.from({ length: 1 + random.below(rows) }, make[dataset])),
      })),
    );
}

/** The files of a folder. */
export function readDeliveries(folder: string): ServerPlan['files'] {
  return readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}

/** Runs plans on a server that is started for them; stops at the first that differs. */
export async function serverCampaign(
  plans: Iterable<ServerPlan>,
  emptyFolder: () => string,
  onResult: (result: ServerResult) => void,
): Promise<void> {
  await using server = await startServer();
  if (server.start.kind === 'unavailable') throw new Error(server.start.reason);
  for (const plan of plans) {
    const result = await performServerPlan(plan, server.start.folder, emptyFolder());
    onResult(result);
    if (result.differences.length > 0) throw new Error(result.differences.join('\n'));
  }
}

async function performServerPlan(plan: ServerPlan, socket: string, folder: string): Promise<ServerResult> {
  const database = `campaign_${plan.seed}_${plan.daemons}`;
  await ask(socket, 'postgres', `CREATE DATABASE ${database}`);
  const [landing, beside] = [join(folder, 'landing'), join(folder, 'beside')];
  for (const path of [landing, beside]) mkdirSync(path, { recursive: true });
  const random = createRandom(plan.seed);
  const url = `postgres://postgres@/${database}?host=${encodeURIComponent(socket)}`;
  const archive = join(folder, 'archive');
  const crew = Array.from({ length: plan.daemons }, (_, at) =>
    keepDaemon(landing, url, archive, join(folder, `state-${at}`)),
  );
  const differences: string[] = [];
  let hits = 0;
  try {
    for (const { name, text } of random.shuffle(plan.files)) {
      writeFileSync(join(beside, name), text);
      renameSync(join(beside, name), join(landing, name));
    }
    const givenUpAt = Date.now() + 60_000 + plan.files.length * PATIENCE_MS;
    while ((await filesIn(socket, database)) < plan.files.length && differences.length === 0) {
      if (Date.now() > givenUpAt) differences.push('not all files were taken');
      await sleep(100 + random.below(400));
      // Not while the first one still starts.
      const isAtWork = (await filesIn(socket, database)) > 0;
      if (isAtWork && hits < plan.kills && (await strike(random, socket, database, crew))) hits += 1;
    }
  } finally {
    const logs = await Promise.all(crew.map((daemon) => daemon.end()));
    for (const [at, said] of logs.entries()) {
      if (findLeak(said) !== null) differences.push('a daemon wrote a value from a row');
      // With what else there is of a run that differs, it is kept.
      writeFileSync(join(folder, `daemon-${at + 1}.log`), said);
    }
  }
  if (differences.length === 0) differences.push(...(await compare(socket, database, url, landing, folder)));
  if (differences.length === 0) await ask(socket, 'postgres', `DROP DATABASE ${database} WITH (FORCE)`);
  return { differences, hits };
}

/** A daemon that is started again when it has been killed. */
interface KeptDaemon {
  /** @returns whether it was there */
  kill(): boolean;
  /** Ends it in order; gives all that it and its forerunners have said. */
  end(): Promise<string>;
}

function keepDaemon(landing: string, url: string, archive: string, state: string): KeptDaemon {
  let said = '';
  let ending = false;
  const start = (): ChildProcess => {
    const places = ['--landing', landing, '--db', url, '--state-dir', state, '--archive', archive, '--settle', '0'];
    const child = spawn(process.execPath, [LAUNCHER, 'run', ...places, '--log-level', 'trace'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
    child.on('exit', () => {
      if (!ending) daemon = start();
    });
    return child;
  };
  let daemon = start();
  return {
    kill: () => daemon.kill('SIGKILL'),
    async end() {
      ending = true;
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      if (daemon.exitCode === null && daemon.kill('SIGTERM')) await ended;
      return said;
    },
  };
}

/** Kills a daemon, cuts connections, or has the server fall and get up again; gives whether something was struck. */
async function strike(random: Random, socket: string, database: string, crew: readonly KeptDaemon[]): Promise<boolean> {
  const backends = `FROM pg_stat_activity WHERE datname = '${database}' AND application_name LIKE 'landfall%'`;
  const victim = random.pick(['daemon', 'connection', 'connections', 'server'] as const);
  try {
    if (victim === 'daemon') return random.pick(crew).kill();
    if (victim !== 'server') {
      const some = victim === 'connection' ? 'LIMIT 1' : '';
      const cut = `SELECT count(pg_terminate_backend(pid))::int AS n FROM (SELECT pid ${backends} ${some}) b`;
      return (await ask(socket, 'postgres', cut))[0]?.['n'] !== 0;
    }
    // Where one of its processes is killed, a server ends all others and begins again with what its log holds.
    const [found] = await ask(socket, 'postgres', `SELECT pid ${backends} LIMIT 1`);
    return found !== undefined && process.kill(Number(found['pid']), 'SIGKILL');
  } catch {
    // It is still getting up.
    return false;
  }
}

async function filesIn(socket: string, database: string): Promise<number> {
  try {
    const [row] = await ask(socket, database, 'SELECT count(*)::int AS n FROM files WHERE revision > 0');
    return Number(row?.['n']);
  } catch {
    // It is not set up yet, or the server is getting up.
    return 0;
  }
}

async function ask(socket: string, database: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ host: socket, user: 'postgres', database });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** What is compared, each row as one text, in the order of keys. */
function statesIn(text: (column: string) => string): readonly string[] {
  const rows = Object.entries(TABLE_COLUMNS).map(([table, columns]) => {
    const values = [...columns, 'source_line', 'source_stamp'].map((column) => `coalesce(${text(`t.${column}`)}, '-')`);
    return `SELECT ${values.join(` || '|' || `)} || '|' || f.name AS state FROM ${table} t
      JOIN files f ON f.file_id = t.source_file_id ORDER BY t.${columns[0]}`;
  });
  const waiting = `SELECT f.name || '|' || ${text('r.line')} || '|' || r.row_key AS state FROM rejects r
    JOIN files f ON f.file_id = r.file_id WHERE r.state = 'waiting' ORDER BY f.name, r.line`;
  return [...rows, waiting];
}

/** Holds the tables and what waits against those of SQLite for the same files, and has the database verified. */
async function compare(
  socket: string,
  database: string,
  url: string,
  landing: string,
  folder: string,
): Promise<string[]> {
  const file = join(folder, 'same.sqlite');
  const same = ['--landing', landing, '--db', file, '--archive', 'none', '--settle', '0', '--log-level', 'error'];
  spawnSync(process.execPath, [LAUNCHER, 'once', ...same]);
  using sqlite = Object.assign(new Database(file, { readonly: true }), { [Symbol.dispose]: () => void sqlite.close() });
  const differences: string[] = [];
  const server = statesIn((column) => `${column}::text`);
  for (const [at, sql] of statesIn((column) => `CAST(${column} AS TEXT)`).entries()) {
    const expected = sqlite.prepare<[], { state: string }>(sql).all();
    const found = await ask(socket, database, server[at] ?? '');
    if (JSON.stringify(found) !== JSON.stringify(expected))
      differences.push(
        `query ${at} gives ${found.length} rows, in SQLite ${expected.length}, and they are not the same`,
      );
  }
  const kept = ['--db', url, '--archive', join(folder, 'archive')];
  // What a killed daemon has left is settled by others when it has been silent for long; so it is now.
  await ask(socket, database, `UPDATE daemons SET beat_at = beat_at - interval '2 days'`);
  const last = ['once', '--landing', landing, '--state-dir', join(folder, 'state-0'), '--settle', '0'];
  spawnSync(process.execPath, [LAUNCHER, ...last, ...kept, '--log-level', 'error']);
  for (const verb of [['verify'], ['archive', 'verify']]) {
    const { status, stdout } = spawnSync(process.execPath, [LAUNCHER, ...verb, ...kept], { encoding: 'utf8' });
    if (status !== 0) differences.push(stdout);
  }
  const drafts = readdirSync(join(folder, 'archive'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.part'),
  );
  if (drafts.length > 0) differences.push(`${drafts.length} drafts are left in the archive`);
  return differences;
}
