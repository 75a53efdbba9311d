import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { runExport } from '../../src/export/export.ts';
import { openFolderTarget } from '../../src/export/folder-target.ts';
import type { Manifest } from '../../src/export/manifest.ts';
import { requireS3Place } from '../../src/export/s3-client.ts';
import { openS3Target } from '../../src/export/s3-target.ts';
import { openSpool } from '../../src/export/spool.ts';
import { generationOf, type Target } from '../../src/export/target.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { LandfallError } from '../../src/model/errors.ts';
import { closeDatabase, openDatabase } from '../../src/store/sqlite/open.ts';
import { openReader } from '../../src/store/open.ts';
import { FEED_FILE, MIGRATIONS, ROOT } from '../helpers/ingest.ts';
import { createRandom, type Random } from '../helpers/random.ts';
import { type FakeS3, startFakeS3 } from '../helpers/s3.ts';

const LAUNCHER = join(ROOT, 'bin/landfall.cjs');
const ROUNDS = 4;
/** Rounds last longer than that only where something hangs, in ms. */
const ROUND_WITHIN_MS = 60_000;
/** From the first sign of work a kill is at most so far away, in ms. */
const KILL_WITHIN_MS = 120;

/** What a run has come to. */
export interface ExportRun {
  /** Exports that were killed while they were at work. */
  readonly hits: number;
}

/** Where a run exports to, and what can be seen of it. */
interface Lake {
  readonly to: string;
  readonly env: Readonly<Record<string, string>>;
  readonly fake: FakeS3 | null;
  /** Whether somebody has begun to write since it was asked to look. */
  readonly isAtWork: () => boolean;
  /** By name below the target. */
  readonly read: (name: string) => Buffer | null;
  readonly list: () => readonly string[];
}

/**
 * Exports a database again and again, which changes between: by one process or two at once, which are killed at any instant, and to a
 * bucket that fails, answers nothing or loses its answers. After each round the manifest is the old one or a new one, and true.
 * @throws Error saying what is not
 */
export async function performExportRun(seed: number, folder: string): Promise<ExportRun> {
  const random = createRandom(seed);
  const cleanUps: (() => Promise<void>)[] = [];
  const fake = seed % 2 === 0 ? null : await startFakeS3((cleanUp) => cleanUps.push(cleanUp));
  try {
    return await performRounds(random, folder, fake === null ? folderLake(folder) : bucketLake(fake));
  } finally {
    for (const cleanUp of cleanUps) await cleanUp();
  }
}

async function performRounds(random: Random, folder: string, lake: Lake): Promise<ExportRun> {
  const db = join(folder, 'x.sqlite');
  closeDatabase(
    openDatabase({ file: db, feed: loadFeed(FEED_FILE), migrations: MIGRATIONS, program: '0', cacheMib: 4 }),
  );
  let before: Manifest | null = null;
  let hits = 0;
  for (let round = 0; round < ROUNDS; round++) {
    change(db, random);
    const should = await contentOf(db, folder);
    if (lake.fake !== null) lake.fake.trouble = troubleBy(random);
    const processes = 1 + random.below(2);
    const inProcess = lake.fake !== null && random.chance(0.4);
    if (inProcess) await Promise.all(Array.from({ length: processes }, () => exportHere(db, folder, lake)));
    else hits += await exportInProcesses(db, lake, processes, random);
    if (lake.fake !== null) lake.fake.trouble = () => 'none';
    before = requireTrue(lake, before, should);
  }
  const [last] = await exportToEnd(db, lake, 1);
  if (last !== 0) throw new Error(`an undisturbed export exited with ${String(last)}`);
  const done = requireTrue(lake, before, await contentOf(db, folder));
  const named = (done?.tables ?? []).flatMap(({ parts }) => parts.map(({ file }) => file)).sort();
  if (named.join() !== [...lake.list()].sort().join()) throw new Error('what no manifest names was left behind');
  return { hits };
}

function troubleBy(random: Random): FakeS3['trouble'] {
  const share = random.pick([0, 0.05, 0.2]);
  return (method) => {
    if (!random.chance(share)) return 'none';
    return random.pick(method === 'PUT' ? (['error', 'lost', 'conflict'] as const) : (['error', 'lost'] as const));
  };
}

function folderLake(folder: string): Lake {
  const to = join(folder, 'lake');
  return {
    ...{ to, env: {}, fake: null },
    isAtWork: () => existsSync(join(to, '_landfall_staging')),
    read: (name) => (existsSync(join(to, name)) ? readFileSync(join(to, name)) : null),
    list: () => readdirSync(to, { recursive: true, encoding: 'utf8' }).filter((name) => generationOf(name) !== null),
  };
}

function bucketLake(fake: FakeS3): Lake {
  const prefix = 'prod/';
  return {
    ...{ to: `s3://${fake.bucket}/prod`, env: fake.env, fake },
    isAtWork: () => fake.requests.length > 0,
    read: (name) => fake.objects.get(prefix + name) ?? null,
    list: () =>
      [...fake.objects.keys()].map((key) => key.slice(prefix.length)).filter((name) => generationOf(name) !== null),
  };
}

/** Rows come, change and go, in a few months of many. */
function change(file: string, random: Random): void {
  const db = new Database(file);
  db.exec(
    `INSERT OR IGNORE INTO procedures (procedure_id, procedure_code, source_file_id, source_line, source_stamp) VALUES ('P1', 'C', 1, 1, '')`,
  );
  const put = db.prepare(
    `INSERT OR REPLACE INTO visits (visit_id, procedure_id, patient_id, visit_date, total_charge_cents, source_file_id, source_line, source_stamp)
     VALUES (?, 'P1', 'M', ?, ?, 1, 1, '')`,
  );
  db.transaction(() => {
    for (let row = 0; row < 40; row++) {
      const id = random.below(300);
      put.run(`V${id}`, `2025-${String(1 + (id % 12)).padStart(2, '0')}-01`, random.below(1000));
    }
    db.prepare('DELETE FROM visits WHERE visit_id = ?').run(`V${random.below(300)}`);
  })();
  db.close();
}

const REQUEST = {
  ...{ tables: [], views: [], orderBy: [] },
  partitionBy: [{ relation: 'visits', column: 'visit_date', by: 'month' as const }],
};

async function exportTo(db: string, target: Target): Promise<void> {
  const feed = loadFeed(FEED_FILE);
  const reader = await openReader(db, feed);
  try {
    await reader.snapshot((snapshot) =>
      runExport(
        {
          ...{ feed, request: REQUEST, target, store: 'sqlite', program: '0', verify: false, deidentify: null },
          ...{ now: () => new Date(), onProgress: () => undefined },
        },
        snapshot,
      ),
    );
  } finally {
    await target.close();
    await reader.close();
  }
}

/** What an export of the database has: the same rows give the same bytes. */
async function contentOf(db: string, folder: string): Promise<string> {
  const to = mkdtempSync(join(folder, 'reference-'));
  await exportTo(db, await openFolderTarget(to));
  const content = contentsIn(JSON.parse(readFileSync(join(to, '_manifest.json'), 'utf8')) as Manifest);
  rmSync(to, { recursive: true });
  return content;
}

function contentsIn({ tables }: Manifest): string {
  const parts = tables.flatMap((table) => table.parts);
  return parts.map(({ partition, sha256, rows }) => `${JSON.stringify(partition)} ${sha256} ${rows}`).join('\n');
}

/** In this process, where requests that are not answered are given up soon; a failure is what a person would be told. */
async function exportHere(db: string, folder: string, lake: Lake): Promise<void> {
  const target = await openS3Target(requireS3Place(lake.to), await openSpool(folder), {
    env: lake.env,
    timeoutMs: 100,
    attempts: 3,
  });
  await exportTo(db, target).catch((error: unknown) => {
    if (!(error instanceof LandfallError) || error.message.includes('\n')) throw error;
  });
}

/** @returns how many were killed while they were at work */
async function exportInProcesses(db: string, lake: Lake, processes: number, random: Random): Promise<number> {
  if (lake.fake !== null) lake.fake.requests.length = 0;
  const children = Array.from({ length: processes }, () => start(db, lake, random.chance(0.3)));
  let hits = 0;
  for (const child of children) {
    if (random.chance(0.25)) continue;
    const until = performance.now() + ROUND_WITHIN_MS;
    while (!lake.isAtWork() && child.process.exitCode === null && performance.now() < until) await sleep(1);
    await sleep(random.below(KILL_WITHIN_MS));
    if (child.process.kill('SIGKILL')) hits++;
  }
  for (const { ended } of children) {
    const { code, errors } = await ended;
    if (code !== null && code !== 0 && (code !== 1 || errors.trim().split('\n').length !== 1))
      throw new Error(`an export exited with ${code}: ${errors}`);
  }
  return hits;
}

async function exportToEnd(db: string, lake: Lake, processes: number): Promise<readonly (number | null)[]> {
  const children = Array.from({ length: processes }, () => start(db, lake, true));
  return (await Promise.all(children.map(({ ended }) => ended))).map(({ code }) => code);
}

interface Child {
  readonly process: ChildProcess;
  readonly ended: Promise<{ code: number | null; errors: string }>;
}

function start(db: string, lake: Lake, verify: boolean): Child {
  const args = [LAUNCHER, 'export', '--db', db, '--to', lake.to, '--partition-by', 'visits.visit_date:month'];
  const child = spawn(process.execPath, [...args, ...(verify ? ['--verify'] : [])], {
    env: { ...process.env, ...lake.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, errors });
    });
  });
  return { process: child, ended };
}

/**
 * The manifest is the one before, or a newer one of the database as it is; and every part that it names is whole.
 * @returns the manifest that is there
 * @throws Error saying what is wrong
 */
function requireTrue(lake: Lake, before: Manifest | null, should: string): Manifest | null {
  const text = lake.read('_manifest.json');
  if (text === null) {
    if (before !== null) throw new Error('the manifest is gone');
    return null;
  }
  const manifest = JSON.parse(text.toString()) as Manifest;
  const isOld = before !== null && JSON.stringify(before) === JSON.stringify(manifest);
  if (!isOld && contentsIn(manifest) !== should) throw new Error('the new manifest is not of what the database holds');
  if (!isOld && manifest.generation <= (before?.generation ?? 0)) throw new Error('the generation went back');
  for (const { file, sha256 } of manifest.tables.flatMap(({ parts }) => parts)) {
    const bytes = lake.read(file);
    if (bytes === null) throw new Error(`the manifest names ${file}, which is not there`);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new Error(`${file} is not whole`);
  }
  return manifest;
}

/** Runs many, on folders and buckets in turn. @throws Error with the first that is not as it must be */
export async function exportCampaign(
  runs: number,
  seed: number,
  emptyFolder: () => string,
  onRun: (run: ExportRun) => void = () => undefined,
): Promise<void> {
  for (let run = 0; run < runs; run++) {
    const folder = join(emptyFolder(), 'run');
    mkdirSync(folder);
    onRun(await performExportRun(seed + run, folder));
  }
}
