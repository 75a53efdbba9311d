import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadFeed } from '../../src/feed/load.ts';
import { openForReading } from '../../src/store/sqlite/open.ts';
import { verifyDatabase } from '../../src/store/sqlite/verify.ts';
import { createBilling, findLeak } from '../helpers/billing.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { createRandom } from '../helpers/random.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Longer than it takes on a slow machine, for each file, in ms. */
const PATIENCE_MS = 100;

/** New files of one row each, for a chain of procedure, visit and transaction; the order of their stamps is random. */
function makeFiles(count: number, seed: number): { name: string; text: string }[] {
  const billing = createBilling(seed);
  const random = createRandom(seed);
  const minutes = Array.from({ length: count }, (_, at) => at);
  const nextStamp = (): string => {
    const [minute = 0] = minutes.splice(random.below(minutes.length), 1);
    return new Date(Date.UTC(2024, 0, 1, 0, minute))
      .toISOString()
      .replace('T', '_')
      .replaceAll(/[-:]|\..*/g, '');
  };
  const files: { name: string; text: string }[] = [];
  while (files.length < count) {
    const procedure = billing.procedure();
    const visit = billing.visit(procedure);
    const rows = { Procedure: procedure, Visit: visit, Transaction: billing.transaction(visit) };
    for (const dataset of ['Transaction', 'Visit', 'Procedure'] as const) {
      const name = feedFileName(dataset, nextStamp());
      if (files.length < count) files.push({ name, text: feedFileText(dataset, [rows[dataset]]) });
    }
  }
  return files;
}

/**
 * Moves many new files at once into the folder of a running daemon, and waits until it has taken them.
 * @returns one line for each thing that is not as it should be
 */
export async function runSwarm(count: number, seed: number, folder: string): Promise<string[]> {
  const landing = join(folder, 'landing');
  const beside = join(folder, 'beside');
  const database = join(folder, 'db/db.sqlite');
  for (const path of [landing, beside]) mkdirSync(path);
  const files = makeFiles(count, seed);
  for (const { name, text } of files) writeFileSync(join(beside, name), text);

  const places = ['--landing', landing, '--db', database];
  const args = [join(ROOT, 'bin/landfall.cjs'), 'run', ...places, '--settle', '200ms', '--log-level', 'trace'];
  const daemon = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [daemon.stdout, daemon.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const ended = new Promise<number | null>((resolve) => daemon.on('close', resolve));
  const problems: string[] = [];
  try {
    const givenUpAt = Date.now() + 30_000 + count * PATIENCE_MS;
    while (!existsSync(`${database}.alive`) && Date.now() < givenUpAt) await sleep(20);
    for (const { name } of files) renameSync(join(beside, name), join(landing, name));
    while (filesIn(database) < count && Date.now() < givenUpAt) await sleep(100);
  } finally {
    daemon.kill('SIGTERM');
    const exitCode = await ended;
    if (exitCode !== 0) problems.push(`the daemon exited with ${String(exitCode)}`);
  }
  if (findLeak(output) !== null) problems.push('the daemon wrote a value from a row');
  return [...problems, ...audit(database, count)];
}

function filesIn(database: string): number {
  try {
    const db = openForReading(database);
    try {
      return db.prepare<[], number>('SELECT count(*) FROM files').pluck().get() ?? 0;
    } finally {
      db.close();
    }
  } catch {
    // It is not set up yet.
    return 0;
  }
}

function audit(database: string, count: number): string[] {
  const db = openForReading(database);
  try {
    const states = db.prepare('SELECT state, revision, rows_read, count(*) FROM files GROUP BY 1, 2, 3').raw().all();
    const rows = db
      .prepare(
        `SELECT (SELECT count(*) FROM procedures) + (SELECT count(*) FROM visits) + (SELECT count(*) FROM transactions)
           + (SELECT count(*) FROM rejects WHERE state = 'waiting')`,
      )
      .pluck()
      .get();
    const problems = [...verifyDatabase(db, loadFeed(join(ROOT, 'feeds/visitpay')))].flatMap((one) => one.findings);
    if (JSON.stringify(states) !== JSON.stringify([['ingested', 1, 1, count]]))
      problems.push(`the ledger has ${JSON.stringify(states)}`);
    if (rows !== count) problems.push(`${String(rows)} rows are in or wait, of ${count}`);
    return problems;
  } finally {
    db.close();
  }
}
