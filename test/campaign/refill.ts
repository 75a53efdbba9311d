import fc from 'fast-check';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openArchive } from '../../src/archive/archive.ts';
import { listCopies } from '../../src/archive/list-copies.ts';
import { bindProtection } from '../../src/ingest/bind-protection.ts';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import type { Archive } from '../../src/model/archive.ts';
import type { Feed } from '../../src/model/feed.ts';
import type { ArchiveMoment, Probe } from '../../src/model/ledger.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { openDatabase, openForReading, type OpenDatabase } from '../../src/store/sqlite/open.ts';
import { createStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { verifyDatabase } from '../../src/store/sqlite/verify.ts';
import { performRefill } from '../../src/worker/refill-job.ts';
import { findLeak } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { supervised } from '../helpers/supervised.ts';
import { compareSealedArchive } from './compare-archive.ts';
import { compareLedger, judge, openToRead } from './compare.ts';
import { spellOut, TABLES, type SpeltContent } from './feeds.ts';
import { UNGUARDED, type Guard } from './guard.ts';
import { replay, type Delivery } from './oracle.ts';
import { contentsInOrder, listed, orderPlans, type OrderPlan } from './order.ts';
import { childrenOf, isAlive } from './processes.ts';

/** What happens beside the arrivals of a plan. */
export interface RefillPlan {
  readonly order: OrderPlan;
  /** After how many arrivals a backup is made, and after how many more it is restored. */
  readonly backupAt: number;
  readonly restoredAfter: number;
  /** Whether what lies in the landing folder is read again after the backup was restored. */
  readonly readAgain: boolean;
  /** The process dies at this moment of every nth arrival. */
  readonly dies: { readonly moment: ArchiveMoment; readonly every: number };
  /** `landfall refill` is killed so many ms after its start; null: it is not. */
  readonly killedMs: number | null;
}

const ROOT = join(import.meta.dirname, '../..');
const LAUNCHER = join(ROOT, 'bin/landfall.cjs');

class Killed extends Error {}

/** A daemon that dies now and then, without its loop. */
interface Desk {
  readonly plan: RefillPlan;
  readonly folder: string;
  readonly landing: string;
  readonly file: string;
  readonly archive: string;
  readonly feed: Feed;
  readonly guard: Guard;
  database: OpenDatabase;
  store: Store;
  kept: Archive;
  arrivals: number;
}

function open({ file, feed }: Pick<Desk, 'file' | 'feed'>): OpenDatabase {
  return openDatabase({ file, feed, migrations: join(ROOT, 'migrations'), program: '0.0.0-test', cacheMib: 4 });
}

/**
 * Ingests a plan with an archive, goes back to a backup in between, dies now and then, and refills: what the database lacks, an empty one,
 * the same one again. Each is held against the oracle's replay of what is in the archive.
 * @returns one line for each difference
 */
export async function runRefillPlan(plan: RefillPlan, folder: string, guard = UNGUARDED): Promise<string[]> {
  const desk = await openDesk(plan, folder, guard);
  const contents = plan.order.feed.flatMap((file) => file.contents.map((_, content) => spellOut(file, content)));
  await takeAll(desk);
  await desk.store.close();

  const key = guard.protection?.archive ?? null;
  const deliveries = archived(desk, contents).map((delivery) => ({ ...guard.of(delivery), held: false }));
  const expected = replay(deliveries, TABLES);
  const problems: string[] = [];
  const hold = (what: string, found: readonly string[]): void => {
    problems.push(...found.map((one) => `${what}: ${one}`));
  };
  // What it lacks, since it went back to a backup.
  await refill(desk, desk.file, problems);
  hold('restored', findings(desk.file, desk.feed));
  hold('restored', await compareSealedArchive(desk.file, desk.archive, key));

  const empty = join(folder, 'empty', 'db.sqlite');
  if (plan.killedMs !== null) await killRefill(desk, empty, plan.killedMs);
  for (const time of ['empty', 'again']) {
    await refill(desk, empty, problems);
    const texts = contents.map(({ text }) => text);
    hold(time, [...judge(empty, expected, texts, guard.open), ...compareLedger(empty, deliveries, expected.outcomes)]);
    hold(time, [...findings(empty, desk.feed), ...(await compareSealedArchive(empty, desk.archive, key))]);
    hold(time, guard.audit(empty, deliveries));
  }
  // By what was taken, not by number: a refused revision has one, and is in no archive.
  const [one = [], other = []] = [desk.file, empty].map(whatStands);
  hold('restored', [
    ...one.filter((row) => !other.includes(row)).map((row) => `not expected ${row}`),
    ...other.filter((row) => !one.includes(row)).map((row) => `missing ${row}`),
  ]);
  return problems;
}

async function openDesk(plan: RefillPlan, folder: string, guard: Guard): Promise<Desk> {
  const [landing, home] = [join(folder, 'landing'), join(folder, 'db')];
  for (const each of [landing, home]) mkdirSync(each);
  const feed = guard.load();
  const file = join(home, 'db.sqlite');
  const archive = join(home, 'archive');
  mkdirSync(archive);
  const database = open({ file, feed });
  const store = createStore(database);
  await bindProtection(store, feed, guard.protection);
  const kept = openArchive(archive, undefined, guard.protection?.archive ?? null);
  return { plan, folder, landing, file, archive, feed, guard, database, store, kept, arrivals: 0 };
}

async function takeAll(desk: Desk): Promise<void> {
  const { plan, folder, file } = desk;
  const backup = join(folder, 'backup.sqlite');
  const present = new Map<string, SpeltContent>();
  for (const [at, { arrival, content }] of contentsInOrder(plan.order).entries()) {
    const planned = plan.order.feed[arrival.file];
    if (planned === undefined) continue;
    if (at === plan.backupAt) desk.database.db.exec(`VACUUM INTO '${backup}'`);
    if (at === plan.backupAt + plan.restoredAfter && plan.restoredAfter > 0) {
      await desk.store.close();
      copyFileSync(backup, file);
      restart(desk);
      if (plan.readAgain) for (const spelt of present.values()) await take(desk, spelt, false);
    }
    const spelt = spellOut(planned, content);
    present.set(spelt.name, spelt);
    await take(desk, spelt, arrival.afresh);
  }
  // What was left open is settled with the next file, or by the chores of the loop.
  const last = [...present.values()].at(-1);
  if (last !== undefined) await take(desk, last, true);
}

function restart(desk: Desk): void {
  desk.database = open(desk);
  desk.store = createStore(desk.database);
  desk.kept = openArchive(desk.archive, undefined, desk.guard.protection?.archive ?? null);
}

/** Reads a file; where the process dies of it, once more in another one. */
async function take(desk: Desk, spelt: SpeltContent, afresh: boolean): Promise<void> {
  const { plan, landing, feed, archive, guard } = desk;
  const path = join(landing, spelt.name);
  writeFileSync(path, spelt.text);
  const { stamp, table } = spelt.delivery;
  desk.arrivals += 1;
  if (desk.arrivals % plan.dies.every === 0) {
    const die: Probe = (moment) => {
      if (moment === plan.dies.moment) throw new Killed();
    };
    desk.kept = openArchive(archive, die, guard.protection?.archive ?? null);
  }
  const read = (): Promise<unknown> =>
    ingestFile(desk.store, listed(feed, spelt.name, path, stamp, table), {
      afresh,
      keeping: { kind: 'copy', archive: desk.kept, behind: null },
      protection: guard.protection,
      stop: new AbortController().signal,
      onProgress: () => undefined,
      // What is read by and by is taken by and by, whatever a backup has forgotten.
      now: () => new Date(Date.UTC(2025, 11, 1) + desk.arrivals * 1_000),
    });
  try {
    await read();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    await desk.store.close();
    restart(desk);
    await read();
  }
}

/** What is in the archive, as the oracle reads it: in the order in which it was taken. */
function archived({ archive }: Desk, contents: readonly SpeltContent[]): Delivery[] {
  return listCopies(archive).map((copy) => {
    const said = contents.find(
      ({ name, text }) => name === copy.name && createHash('sha256').update(text).digest('hex').startsWith(copy.digest),
    );
    if (said === undefined) throw new Error(`nobody has sent ${copy.path}`);
    return { ...said.delivery, afresh: true };
  });
}

async function refill(desk: Desk, db: string, problems: string[]): Promise<void> {
  const io = captureIo();
  const settings = readSettings({
    flags: { db, landing: desk.landing, archive: desk.archive, log_format: 'json', ...feedOf(desk.guard) },
    env: {},
    cwd: ROOT,
    root: ROOT,
  });
  const exitCode = await performRefill(supervised(settings, io), [desk.archive]);
  if (exitCode !== 0 && exitCode !== 3) problems.push(`refill ended with ${exitCode}`);
  if (findLeak(io.written.out + io.written.err) !== null) problems.push('refill wrote a value from a row');
}

function feedOf({ folder: feed, keyFile }: Guard): Record<string, string> {
  return { feed, ...(keyFile === null ? {} : { key_file: keyFile }) };
}

async function killRefill(desk: Desk, db: string, ms: number): Promise<void> {
  const { folder, keyFile } = desk.guard;
  const feed = ['--feed', folder, ...(keyFile === null ? [] : ['--key-file', keyFile])];
  const args = [LAUNCHER, 'refill', desk.archive, '--db', db, '--archive', desk.archive, ...feed];
  const child = spawn(process.execPath, args, { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await Promise.race([ended, sleep(ms)]);
  const { pid } = child;
  if (pid === undefined) return;
  const workers = childrenOf(pid);
  try {
    // With its worker.
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
  await ended;
  // The worker may hold the database a moment longer.
  while (workers.some(isAlive)) await sleep(5);
}

function findings(file: string, feed: Feed): string[] {
  const db = openForReading(file);
  try {
    return [...verifyDatabase(db, feed)].flatMap((one) => one.findings);
  } finally {
    db.close();
  }
}

/** The rows of the tables, those that wait, and those refused in files that no correction has replaced: each as text. */
function whatStands(file: string): string[] {
  using db = openToRead(file);
  const rows = TABLES.flatMap((table) =>
    db
      .prepare(
        `SELECT '${table}' AS at, f.name, f.taken_at, t.*, NULL AS source_file_id
         FROM ${table} t LEFT JOIN files f ON f.file_id = t.source_file_id`,
      )
      .all(),
  );
  const left = db
    .prepare(
      `SELECT r.state, f.name, f.taken_at, r.line, r.code FROM rejects r JOIN files f USING (file_id)
       WHERE r.state = 'waiting' OR (r.state = 'rejected' AND f.state = 'ingested')`,
    )
    .all();
  return [...rows, ...left].map((row) => JSON.stringify(row)).toSorted();
}

/** Plans in which everything happens, and now and then a kill. */
function refillPlans(): fc.Arbitrary<RefillPlan> {
  const moment = fc.constantFrom<ArchiveMoment>('copying', 'copied', 'copy_named');
  return fc.record({
    order: orderPlans(),
    backupAt: fc.nat(8),
    restoredAfter: fc.nat(6),
    readAgain: fc.boolean(),
    dies: fc.record({ moment, every: fc.integer({ min: 2, max: 5 }) }),
    killedMs: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(900) }),
  });
}

/** Runs many plans. @throws Error with the smallest plan found that differs from the oracle */
export async function refillCampaign(
  runs: number,
  seed: number,
  emptyFolder: () => string,
  guarding: (folder: string) => Guard = () => UNGUARDED,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(refillPlans(), async (plan) => {
      const folder = emptyFolder();
      const differences = await runRefillPlan(plan, folder, guarding(folder));
      if (differences.length > 0) throw new Error(differences.join('\n'));
    }),
    { numRuns: runs, seed },
  );
}
