import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Moment } from '../../src/model/ledger.ts';
import { findLeak } from '../helpers/billing.ts';
import { createRandom, type Random } from '../helpers/random.ts';
import { compareSealedArchive } from './compare-archive.ts';
import { leftFiles, lostFiles } from './compare-landing.ts';
import { compareLedger, judge, openToRead } from './compare.ts';
import type { CrashOrders } from './crash-child.ts';
import { inOrderTaken, largeFeed, spellOut, TABLES, type SpeltContent } from './feeds.ts';
import { UNGUARDED, type Guard } from './guard.ts';
import { replay, type Delivery } from './oracle.ts';
import { childrenOf, isAlive } from './processes.ts';

/** Where a process is killed from inside. */
export const MOMENTS = [
  'migration',
  'reading',
  'healing',
  'before_commit',
  'after_commit',
  'copying',
  'copied',
  'copy_named',
  'set_aside',
  'removing',
  'removed',
] as const satisfies readonly Moment[];

/** How one run is killed. */
export type Blow =
  /** The drain ends itself at the nth time of a moment. */
  | { readonly kind: 'at'; readonly moment: Moment; readonly nth: number }
  /** The drain is killed some ms after the nth time of a moment: inside a commit, a checkpoint, a move. */
  | { readonly kind: 'after'; readonly moment: Moment; readonly nth: number; readonly ms: number }
  /** `landfall once` is killed so many ms after its start. */
  | { readonly kind: 'once'; readonly ms: number }
  /** The daemon, or a part of it, is killed so many ms after its worker was started. */
  | { readonly kind: 'daemon'; readonly victim: 'supervisor' | 'worker' | 'both'; readonly ms: number };

export interface CrashPlan {
  readonly seed: number;
  readonly files: number;
  readonly rowsPerFile: number;
  /** The blows of each wave. Ten at most, since more deaths quarantine a content. */
  readonly blows: readonly [readonly Blow[], readonly Blow[]];
  /** What was ingested is taken out of the landing folder for good, not only set aside. */
  readonly removes?: boolean;
  /** The drain is broken on purpose. */
  readonly broken?: boolean;
}

const ROOT = join(import.meta.dirname, '../..');
const LAUNCHER = join(ROOT, 'bin/landfall.cjs');
const CHILD = join(import.meta.dirname, 'crash-child.ts');

/** Longer than any run takes; what is not over by then hangs. */
const PATIENCE_MS = 60_000;

/** What a crash plan came to. */
export interface CrashResult {
  /** One line for each difference. */
  readonly differences: readonly string[];
  /** How many blows hit a process that was still at work. */
  readonly hits: number;
}

/**
 * Delivers a feed in two waves, kills what takes it, restarts, lets it finish, and holds the database against the oracle.
 * @param folder an empty folder to work in
 */
export async function runCrashPlan(plan: CrashPlan, folder: string, guard = UNGUARDED): Promise<CrashResult> {
  const landing = join(folder, 'landing');
  const database = join(folder, 'db', 'db.sqlite');
  const archive = join(folder, 'db', 'archive');
  mkdirSync(landing);
  const waves = wavesOf(plan).map((files, wave) => ({ files, blows: plan.blows[wave] ?? [] }));
  const problems: string[] = [];
  let hits = 0;
  const overwritten = new Set<string>();
  for (const [wave, { blows, files }] of waves.entries()) {
    for (const text of deliver(landing, files, wave)) overwritten.add(text);
    for (const blow of blows) {
      const { hit, findings } = await strike(blow, plan, landing, database, guard);
      hits += hit ? 1 : 0;
      problems.push(...findings);
    }
    // What the first has set aside is for the second to remove.
    for (let drains = plan.removes === true ? 2 : 1; drains > 0; drains--)
      await drain({ landing, database, archive, aheadMs: aheadMs(plan), ...feedOf(guard), kill: null, broken: false });
  }

  const deliveries = inOrderIngested(
    database,
    waves.flatMap((wave) => wave.files),
  ).map(guard.of);
  const texts = waves.flatMap((wave) => wave.files.map((file) => file.text));
  const expected = replay(deliveries, TABLES);
  const key = guard.protection?.archive ?? null;
  const differences = [
    ...problems,
    ...judge(database, expected, texts, guard.open),
    ...compareLedger(database, deliveries, expected.outcomes),
    ...guard.audit(database, deliveries),
    ...(await compareSealedArchive(database, archive, key)),
    ...(await lostFiles(
      landing,
      plan.removes === true ? { folder: archive, key } : null,
      texts.filter((text) => !overwritten.has(text)),
    )),
    ...(plan.removes === true ? leftFiles(landing, database) : []),
  ];
  return { differences, hits };
}

/** A content on which three processes have died is taken after all others: the ledger says in which order that was. */
function inOrderIngested(database: string, contents: readonly SpeltContent[]): Delivery[] {
  using opened = openToRead(database);
  const place = opened
    .prepare<[string, string], number>('SELECT file_id FROM files WHERE name = ? AND sha256 = ?')
    .pluck();
  // One that is not in the ledger brought nothing new.
  const placed = contents.map((content) => ({
    delivery: content.delivery,
    at: place.get(content.name, createHash('sha256').update(content.text).digest('hex')) ?? Infinity,
  }));
  return placed.toSorted((a, b) => a.at - b.at).map(({ delivery }) => delivery);
}

/** Half of the files come first; the others, with parents that rows wait for, and all corrections come second. */
export function wavesOf(plan: Pick<CrashPlan, 'seed' | 'files' | 'rowsPerFile'>): [SpeltContent[], SpeltContent[]] {
  const random = createRandom(plan.seed);
  const feed = largeFeed(plan.seed, plan.files, plan.rowsPerFile).map((file) => ({ file, late: random.chance(0.5) }));
  const first = feed.filter(({ late }) => !late).map(({ file }) => spellOut(file, 0));
  const second = feed
    .filter(({ file, late }) => late || file.contents.length > 1)
    .map(({ file, late }) => spellOut(file, late ? 0 : 1));
  return [first.toSorted(inOrderTaken), second.toSorted(inOrderTaken)];
}

/** Drops files as a sender does, long still. @returns the texts that this overwrote */
function deliver(landing: string, files: readonly SpeltContent[], wave: number): string[] {
  return files.flatMap((file) => {
    const path = join(landing, file.name);
    const before = existsSync(path) ? [readFileSync(path, 'utf8')] : [];
    writeFileSync(`${path}.part`, file.text);
    utimesSync(`${path}.part`, new Date('2025-07-01T00:00:00Z'), new Date(Date.UTC(2025, 6, 1 + wave)));
    renameSync(`${path}.part`, path);
    return before;
  });
}

interface Struck {
  readonly hit: boolean;
  readonly findings: readonly string[];
}

/** Runs something that takes files, and kills it. */
async function strike(blow: Blow, plan: CrashPlan, landing: string, database: string, guard: Guard): Promise<Struck> {
  const archive = join(dirname(database), 'archive');
  const orders = { landing, database, archive, ...feedOf(guard), aheadMs: aheadMs(plan), broken: plan.broken ?? false };
  switch (blow.kind) {
    case 'at':
      return drain({ ...orders, kill: { ...blow, how: 'exact' } });
    case 'after': {
      const announced = { ...orders, kill: { ...blow, how: 'announced' } } satisfies CrashOrders;
      const child = start(CHILD, [JSON.stringify(announced)]);
      child.process.stdout?.once('data', () => void sleep(blow.ms).then(() => child.process.kill('SIGKILL')));
      const { signal } = await child.ended;
      return { hit: signal !== null, findings: [] };
    }
    case 'once': {
      const child = start(LAUNCHER, ['once', ...flags(landing, database, guard)]);
      await Promise.race([child.ended, sleep(blow.ms)]);
      child.process.kill('SIGKILL');
      const { signal, output } = await child.ended;
      return { hit: signal !== null, findings: leaks(output) };
    }
    case 'daemon':
      return strikeDaemon(blow, flags(landing, database, guard));
  }
}

/** Kills a part of the daemon, and the rest where it does not end by itself, which is a finding. */
async function strikeDaemon(blow: Extract<Blow, { kind: 'daemon' }>, args: readonly string[]): Promise<Struck> {
  const supervisor = start(LAUNCHER, ['run', ...args]);
  const { pid } = supervisor.process;
  if (pid === undefined) throw new Error('the daemon cannot be started');
  while (childrenOf(pid).length === 0 && supervisor.process.exitCode === null) await sleep(5);
  await sleep(blow.ms);
  const workers = childrenOf(pid);
  if (blow.victim !== 'worker') supervisor.process.kill('SIGKILL');
  if (blow.victim !== 'supervisor') for (const worker of workers) kill(worker);
  const hit = workers.length > 0;
  // After the worker alone dies, the supervisor is to go on: it starts another.
  if (blow.victim === 'worker') {
    await sleep(200);
    if (supervisor.process.exitCode !== null)
      return { hit, findings: ['the supervisor ended when its worker was killed'] };
    supervisor.process.kill('SIGTERM');
    const { code, output } = await supervisor.ended;
    const problem = `the daemon exited with ${code} when told to stop after its worker was killed: ${output}`;
    const findings = [...leaks(output), ...(code === 0 ? [] : [problem])];
    return { hit, findings };
  }
  await supervisor.exited;
  const deadline = performance.now() + 5_000;
  while (workers.some(isAlive)) {
    if (performance.now() > deadline) {
      for (const worker of workers) kill(worker);
      return { hit, findings: ['the worker outlived its supervisor'] };
    }
    await sleep(20);
  }
  // The worker shared its parent's output.
  const { output } = await supervisor.ended;
  return { hit, findings: leaks(output) };
}

/** P8: no value from a row in anything that is written. */
function leaks(output: string): string[] {
  return findLeak(output) !== null ? ['a value from a row was written out'] : [];
}

function feedOf({ folder, keyFile }: Guard): Pick<CrashOrders, 'feed' | 'keyFile'> {
  return { feed: folder, keyFile };
}

function flags(landing: string, database: string, { folder, keyFile }: Guard): string[] {
  const key = keyFile === null ? [] : ['--key-file', keyFile];
  const feed = ['--feed', folder, ...key];
  return ['--landing', landing, '--db', database, ...feed, '--settle', '0', '--cache-mib', '4', '--log-level', 'trace'];
}

async function drain(orders: CrashOrders): Promise<Struck> {
  const { ended } = start(CHILD, [JSON.stringify(orders)]);
  const { code, signal, output } = await ended;
  const expected = orders.kill === null ? code === 0 : signal === 'SIGKILL' || code === 0;
  if (!expected) throw new Error(`the drain ended with ${code ?? signal ?? 'nothing'}: ${output}`);
  return { hit: signal !== null, findings: [] };
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** All it and its children wrote. */
  readonly output: string;
}

/** Starts a script; whatever hangs is killed in the end. `ended` comes when its children have closed its output, too. */
function start(
  script: string,
  args: readonly string[],
): { process: ChildProcess; exited: Promise<void>; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const exited = new Promise<void>((resolve) => {
    child.on('exit', () => {
      resolve();
    });
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, output });
    });
  });
  return { process: child, exited, ended };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Longer than what is set aside is waited for. */
function aheadMs({ removes }: CrashPlan): number {
  return removes === true ? 7_200_000 : 0;
}

/**
 * Runs many plans, all different.
 * @param onRun called after each
 * @throws Error naming the plan that differs from the oracle
 */
export async function crashCampaign(
  runs: number,
  seed: number,
  emptyFolder: () => string,
  onRun: (result: CrashResult) => void = () => undefined,
  guarding: (folder: string) => Guard = () => UNGUARDED,
): Promise<void> {
  for (let run = 0; run < runs; run += 1) {
    const plan = randomCrashPlan(seed + run, { files: 8, rowsPerFile: 2500, lastMs: 800 });
    const folder = emptyFolder();
    const result = await runCrashPlan(plan, folder, guarding(folder));
    onRun(result);
    if (result.differences.length > 0) throw new Error(`${JSON.stringify(plan)}\n${result.differences.join('\n')}`);
  }
}

/** A plan with up to four blows in each wave, of every kind. */
export function randomCrashPlan(seed: number, size: { files: number; rowsPerFile: number; lastMs: number }): CrashPlan {
  const random = createRandom(seed);
  const blows = (): Blow[] => Array.from({ length: 1 + random.below(4) }, () => randomBlow(random, size));
  const sizes = { files: size.files, rowsPerFile: size.rowsPerFile };
  return { seed, ...sizes, blows: [blows(), blows()], removes: random.chance(0.5) };
}

function randomBlow(random: Random, size: { files: number; lastMs: number }): Blow {
  const moment = random.pick(MOMENTS);
  const nth = 1 + random.below(moment === 'migration' ? 2 : size.files);
  const ms = random.below(size.lastMs);
  switch (random.below(4)) {
    case 0:
      return { kind: 'at', moment, nth };
    case 1:
      return { kind: 'after', moment, nth, ms: random.below(12) };
    case 2:
      return { kind: 'once', ms };
    default:
      return { kind: 'daemon', victim: random.pick(['supervisor', 'worker', 'both']), ms };
  }
}
