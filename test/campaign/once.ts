import fc from 'fast-check';
import { spawn } from 'node:child_process';
import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findLeak } from '../helpers/billing.ts';
import { compareLedger, judge } from './compare.ts';
import { inOrderTaken, spellOut, TABLES, type SpeltContent } from './feeds.ts';
import { replay } from './oracle.ts';
import { contentsInOrder, orderPlans, type OrderPlan } from './order.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/landfall.cjs');

/** What lies in the folder when `once` is started. */
interface Batch {
  readonly files: (SpeltContent & { readonly renamed: boolean })[];
  /** Names whose time of change is moved, their bytes left as they are. */
  readonly touched: string[];
}

/**
 * The same plans as batches for `landfall once`: a restart begins a batch, and so does the next content of a name that
 * is in the batch already. What is to be read afresh is touched instead.
 */
export function batchesOf(plan: OrderPlan): Batch[] {
  const batches: Batch[] = [];
  for (const { arrival, content } of contentsInOrder(plan)) {
    const file = plan.feed[arrival.file];
    if (file === undefined) continue;
    const spelt = { ...spellOut(file, content), renamed: arrival.renamed };
    const last = batches.at(-1);
    const open = arrival.restart || last?.files.some(({ name }) => name === spelt.name) !== false ? undefined : last;
    const batch = open ?? { files: [], touched: [] };
    if (open === undefined) batches.push(batch);
    batch.files.push(spelt);
    if (arrival.afresh) batch.touched.push(spelt.name);
  }
  return batches;
}

/**
 * Delivers a plan in batches, each taken by a process of `landfall once`, and holds what comes of it against the oracle.
 * @returns one line for each difference
 */
export async function performOncePlan(plan: OrderPlan, folder: string): Promise<string[]> {
  const landing = join(folder, 'landing');
  const database = join(folder, 'db', 'db.sqlite');
  mkdirSync(landing);
  const batches = batchesOf(plan);
  const problems: string[] = [];
  for (const [at, { files, touched }] of batches.entries()) {
    for (const file of files) {
      const path = join(landing, file.name);
      writeFileSync(file.renamed ? `${path}.part` : path, file.text);
      if (file.renamed) renameSync(`${path}.part`, path);
    }
    for (const name of touched) utimesSync(join(landing, name), at, new Date('2025-07-01T00:00:00Z'));
    const args = [LAUNCHER, 'once', '--landing', landing, '--db', database, '--settle', '0', '--log-level', 'trace'];
    const { code, output } = await runToEnd(args);
    if (code !== 0 && code !== 3) problems.push(`once exited with ${code} on batch ${at}`);
    if (findLeak(output) !== null) problems.push(`once wrote a value from a row on batch ${at}`);
  }
  const deliveries = batches.flatMap(({ files }) => files.toSorted(inOrderTaken).map((file) => file.delivery));
  const expected = replay(deliveries, TABLES);
  const texts = batches.flatMap(({ files }) => files.map((file) => file.text));
  return [...problems, ...judge(database, expected, texts), ...compareLedger(database, deliveries, expected.outcomes)];
}

async function runToEnd(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, output };
}

/** Runs many plans. @throws Error with the smallest plan found that differs from the oracle */
export async function onceCampaign(runs: number, seed: number, emptyFolder: () => string): Promise<void> {
  await fc.assert(
    fc.asyncProperty(orderPlans(), async (plan) => {
      const differences = await performOncePlan(plan, emptyFolder());
      if (differences.length > 0) throw new Error(differences.join('\n'));
    }),
    { numRuns: runs, seed },
  );
}
