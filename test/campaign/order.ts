import fc from 'fast-check';
import { renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Feed } from '../../src/model/feed.ts';
import { bindProtection } from '../../src/ingest/bind-protection.ts';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import type { IngestOutcome } from '../../src/model/ingest.ts';
import type { ListedFile } from '../../src/model/listed-file.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { createStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { createRandom } from '../helpers/random.ts';
import { compareLedger, judge } from './compare.ts';
import { feeds, largeFeed, spellOut, TABLES, type PlannedFile } from './feeds.ts';
import { UNGUARDED, type Guard } from './guard.ts';
import { replay, type Outcome } from './oracle.ts';

/** One file turning up: the next of its contents, or the last one again. */
export interface Arrival {
  /** Index in the feed. */
  readonly file: number;
  /** It is read again even if its bytes are the same (`landfall retry`). */
  readonly afresh: boolean;
  /** It is moved in by rename (a new inode) instead of written in place. */
  readonly renamed: boolean;
  /** The database is closed and opened again before it. */
  readonly restart: boolean;
}

/** A feed and the order in which its files turn up; a name's contents keep their order (rule 1). */
export interface OrderPlan {
  readonly feed: readonly PlannedFile[];
  readonly arrivals: readonly Arrival[];
}

/** Any feed in any order, with files delivered twice, read again, and restarts in between. */
export function orderPlans(): fc.Arbitrary<OrderPlan> {
  return feeds().chain((feed) => {
    const each = feed.flatMap((file, index) => file.contents.map(() => index));
    const again = fc.array(fc.nat(feed.length - 1), { maxLength: 3 });
    const order = again.chain((more) => {
      const all = [...each, ...more];
      return fc
        .shuffledSubarray([...all.keys()], { minLength: all.length })
        .map((keys) => keys.map((key) => all[key] ?? 0));
    });
    const seldom = fc.nat(7).map((luck) => luck === 7);
    const how = fc.array(fc.record({ afresh: seldom, renamed: fc.boolean(), restart: seldom }), {
      minLength: each.length + 3,
      maxLength: each.length + 3,
    });
    return fc.tuple(order, how).map(([files, hows]) => ({
      feed,
      arrivals: files.map((file, at) => ({ file, ...(hows[at] ?? { afresh: false, renamed: false, restart: false }) })),
    }));
  });
}

const ROOT = join(import.meta.dirname, '../..');

function open(file: string, feed: Feed): Store {
  const program = '0.0.0-test';
  return createStore(openDatabase({ file, feed, migrations: join(ROOT, 'migrations'), program, cacheMib: 4 }));
}

/** Where a plan's database is in its folder. */
export const DATABASE = 'db.sqlite';

/**
 * Ingests a plan's files in its order, in this process, and holds every outcome, the tables, the waiting rows and the
 * books against the oracle.
 * @param folder an empty folder to work in
 * @returns one line for each difference
 */
export async function runOrderPlan(plan: OrderPlan, folder: string, guard = UNGUARDED): Promise<string[]> {
  const feed = guard.load();
  const database = join(folder, DATABASE);
  const contents = plan.feed.map((file) => file.contents.map((_, content) => spellOut(file, content)));
  const deliveries = contentsInOrder(plan).map(({ arrival, content }) => {
    const spelt = contents[arrival.file]?.[content];
    if (spelt === undefined) throw new Error('the plan names a file that is not there');
    return { arrival, text: spelt.text, delivery: { ...guard.of(spelt.delivery), afresh: arrival.afresh } };
  });

  const differences: string[] = [];
  const expected = replay(
    deliveries.map((each) => each.delivery),
    TABLES,
  );
  const quarantined = new Set<string>();
  let store = open(database, feed);
  await bindProtection(store, feed, guard.protection);
  try {
    for (const [at, { arrival, text, delivery }] of deliveries.entries()) {
      if (arrival.restart) {
        await store.close();
        store = open(database, feed);
      }
      const path = join(folder, delivery.name);
      writeFileSync(arrival.renamed ? `${path}.part` : path, text);
      if (arrival.renamed) renameSync(`${path}.part`, path);
      // The loop does not ask for a quarantined content again (rule 9), so neither does the campaign.
      if (expected.outcomes[at]?.kind === 'unchanged' && quarantined.has(delivery.name)) continue;
      const outcome = await ingestFile(store, listed(feed, delivery.name, path, delivery.stamp, delivery.table), {
        afresh: arrival.afresh,
        stop: new AbortController().signal,
        onProgress: () => undefined,
        now: () => new Date('2025-12-01T00:00:00Z'),
        protection: guard.protection,
      });
      if (outcome.kind === 'quarantined') quarantined.add(delivery.name);
      else quarantined.delete(delivery.name);
      const [found, hoped] = [plain(outcome), JSON.stringify(inOrder(expected.outcomes[at]))];
      if (found !== hoped) differences.push(`arrival ${at} (${delivery.name}): ${found}, expected ${hoped}`);
    }
  } finally {
    await store.close();
  }

  return [
    ...differences,
    ...compareLedger(
      database,
      deliveries.map((each) => each.delivery),
      expected.outcomes,
    ),
    ...judge(
      database,
      expected,
      contents.flat().map((each) => each.text),
      guard.open,
    ),
    ...guard.audit(
      database,
      deliveries.map((each) => each.delivery),
    ),
  ];
}

/** For each arrival which of its file's contents it brings: the next one, or the last again. */
export function contentsInOrder(plan: OrderPlan): { arrival: Arrival; content: number }[] {
  const next = new Map<number, number>();
  return plan.arrivals.map((arrival) => {
    const content = next.get(arrival.file) ?? 0;
    const last = (plan.feed[arrival.file]?.contents.length ?? 1) - 1;
    next.set(arrival.file, Math.min(content + 1, last));
    return { arrival, content };
  });
}

/** A file as the landing folder lists it. */
export function listed(feed: Feed, name: string, path: string, stamp: string, table: string): ListedFile {
  const dataset = feed.datasets.find((each) => each.table === table);
  if (dataset === undefined) throw new Error(`the feed has no table ${table}`);
  const { size, mtimeNs, ctimeNs, ino } = statSync(path, { bigint: true });
  return { name, path, dataset, stamp, stat: { bytes: Number(size), mtimeNs, ctimeNs, inode: ino } };
}

/** What of an outcome the oracle speaks of, as text. */
function plain(outcome: IngestOutcome): string {
  switch (outcome.kind) {
    case 'ingested':
      return JSON.stringify(inOrder(outcome));
    case 'quarantined':
      return ['bad_rows', 'check'].includes(outcome.code)
        ? JSON.stringify(inOrder(outcome))
        : `quarantined for ${outcome.code}`;
    case 'unchanged':
    case 'changed':
    case 'given_up':
    case 'claimed':
    case 'taken':
      return JSON.stringify({ kind: outcome.kind });
  }
}

function inOrder(outcome: Outcome | Extract<IngestOutcome, { kind: 'ingested' | 'quarantined' }> | undefined): object {
  switch (outcome?.kind) {
    case 'ingested': {
      const { kind, revision, late, healed } = outcome;
      const { read, inserted, updated, unchanged, stale, rejected, waiting } = outcome.counts;
      return { kind, revision, late, healed, read, inserted, updated, unchanged, stale, rejected, waiting };
    }
    case 'quarantined': {
      const { kind, revision, code } = outcome;
      return { kind, revision, ...(code === 'check' ? { code } : {}) };
    }
    case 'unchanged':
      return { kind: outcome.kind };
    case undefined:
      return {};
  }
}

/**
 * A plan of a few large files in any order: large enough to be read in several batches and beside the merging, to heal
 * in several chunks, and to have indexes set aside.
 * @param rowsPerFile rows of each content
 */
export function largePlan(seed: number, files: number, rowsPerFile: number): OrderPlan {
  const random = createRandom(seed);
  const feed = largeFeed(seed, files, rowsPerFile);
  const order = random.shuffle(feed.flatMap((file, index) => file.contents.map(() => index)));
  return { feed, arrivals: order.map((file) => ({ file, afresh: false, renamed: true, restart: false })) };
}

/** Runs many plans of large files. @throws Error naming the seed of the plan that differs from the oracle */
export async function largeCampaign(runs: number, seed: number, emptyFolder: () => string): Promise<void> {
  for (let run = seed; run < seed + runs; run += 1) {
    const rows = createRandom(run).pick([9_000, 45_000, 110_000]);
    const differences = await runOrderPlan(largePlan(run, 5, rows), emptyFolder());
    if (differences.length > 0)
      throw new Error(`seed ${run}, ${rows} rows a file:\n${differences.slice(0, 20).join('\n')}`);
  }
}

/**
 * Runs many plans.
 * @param runs how many
 * @param emptyFolder gives an empty folder for each, gone or reused afterwards
 * @param guarding gives the feed, which may protect and check; default: the shipped one
 * @throws Error with the smallest plan found that differs from the oracle
 */
export async function orderCampaign(
  runs: number,
  seed: number,
  emptyFolder: () => string,
  guarding: (folder: string) => Guard = () => UNGUARDED,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(orderPlans(), async (plan) => {
      const folder = emptyFolder();
      const differences = await runOrderPlan(plan, folder, guarding(folder));
      if (differences.length > 0) throw new Error(differences.join('\n'));
    }),
    { numRuns: runs, seed },
  );
}
