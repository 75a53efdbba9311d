import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadFeed } from '../../src/feed/load.ts';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import { closeDatabase, openDatabase, type OpenDatabase } from '../../src/store/sqlite/open.ts';
import { createStore } from '../../src/store/sqlite/store.ts';
import { verifyDatabase } from '../../src/store/sqlite/verify.ts';
import { MARKER } from '../helpers/billing.ts';
import { FEED_FILE, listed, MIGRATIONS } from '../helpers/ingest.ts';
import { compareEndState, difference } from './compare.ts';
import { feeds, spellOut, TABLES, type PlannedFile, type SpeltContent } from './feeds.ts';
import { replay, type Counts, type Statement } from './oracle.ts';

/** What a trigger of the user's does to refuse a row. */
const ACTIONS = [
  `SELECT RAISE(ABORT, 'no')`,
  `SELECT RAISE(FAIL, 'no')`,
  'SELECT RAISE(IGNORE)',
  'INSERT INTO theirs (note) VALUES (NULL)',
  `INSERT INTO theirs (note, parent) VALUES ('its parent is not there', 'gone')`,
];

type Table = (typeof TABLES)[number];

/** The rows that it does not like, by a column that shows their variant. */
const BAD: Readonly<Record<Table, string>> = {
  procedures: `NEW.procedure_code = '002'`,
  visits: `NEW.patient_name = '${MARKER} 2'`,
  transactions: 'NEW.amount_cents = -2',
};

/** The same of a row's values. */
const IS_BAD: Readonly<Record<Table, (values: Statement['values']) => boolean>> = {
  procedures: (values) => values[1] === '002',
  visits: (values) => values[3] === `${MARKER} 2`,
  transactions: (values) => values[6] === -2,
};

interface Trigger {
  readonly time: 'BEFORE' | 'AFTER';
  readonly event: 'INSERT' | 'UPDATE';
  readonly action: string;
}

/** A trigger on each table, a feed, and how the next file is chosen. */
interface TriggerPlan {
  readonly triggers: Readonly<Record<Table, Trigger>>;
  readonly feed: readonly PlannedFile[];
  readonly choices: readonly number[];
}

function triggerPlans(): fc.Arbitrary<TriggerPlan> {
  const trigger = fc.record<Trigger>({
    time: fc.constantFrom('BEFORE', 'AFTER'),
    event: fc.constantFrom('INSERT', 'UPDATE'),
    action: fc.constantFrom(...ACTIONS),
  });
  return fc.record({
    triggers: fc.record({ procedures: trigger, visits: trigger, transactions: trigger }),
    feed: feeds(),
    choices: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
  });
}

/** An upsert fires BEFORE INSERT for every row, AFTER INSERT and UPDATE as the case may be (https://sqlite.org/lang_upsert.html). */
function refuses({ triggers }: TriggerPlan, row: Statement, isNew: boolean): boolean {
  const table = TABLES.find((name) => name === row.table);
  if (table === undefined || !IS_BAD[table](row.values)) return false;
  const { time, event, action } = triggers[table];
  // When the row is in, there is nothing left to ignore.
  if (time === 'AFTER' && action.includes('IGNORE')) return false;
  return event === 'INSERT' ? isNew || time === 'BEFORE' : !isNew;
}

/** The contents of a feed in the order of the plan; those of one name in their own order. */
function inOrder({ feed, choices }: TriggerPlan): readonly SpeltContent[] {
  const queues = feed.map((file) => file.contents.map((_, content) => spellOut(file, content)));
  return choices.flatMap((choice) => {
    const open = queues.filter((queue) => queue.length > 0);
    return open[choice % open.length]?.shift() ?? [];
  });
}

/** What became of the delivery at a place, as text. */
function tell(at: number, { counts, healed }: { readonly counts: Counts; readonly healed: number }): string {
  const { read, inserted, updated, unchanged, stale, rejected, waiting } = counts;
  return `${at} ${[read, inserted, updated, unchanged, stale, rejected, waiting, healed].join(' ')}`;
}

/** Ingests a plan's files and gives what differs from the oracle, and what `verify` finds: one line each. */
async function runTriggerPlan(plan: TriggerPlan, folder: string): Promise<string[]> {
  const feed = { ...loadFeed(FEED_FILE), maxBadRows: 1 };
  const database = openDatabase({
    file: join(folder, 'db.sqlite'),
    feed,
    migrations: MIGRATIONS,
    program: '0',
    cacheMib: 4,
  });
  try {
    database.db.exec('CREATE TABLE theirs (note TEXT NOT NULL, parent TEXT REFERENCES procedures (procedure_id))');
    for (const table of TABLES) {
      const { time, event, action } = plan.triggers[table];
      database.db.exec(
        `CREATE TRIGGER of_${table} ${time} ${event} ON ${table} WHEN ${BAD[table]} BEGIN ${action}; END`,
      );
    }
    return await compareAll(plan, database, folder);
  } finally {
    closeDatabase(database);
  }
}

async function compareAll(plan: TriggerPlan, database: OpenDatabase, folder: string): Promise<string[]> {
  const contents = inOrder(plan);
  const found: string[] = [];
  for (const [at, { name, text }] of contents.entries()) {
    writeFileSync(join(folder, name), text);
    const outcome = await ingestFile(createStore(database), listed(database.feed, folder, name), {
      afresh: false,
      stop: new AbortController().signal,
      onProgress: () => undefined,
      now: () => new Date('2025-12-01T00:00:00Z'),
    });
    found.push(outcome.kind === 'ingested' ? tell(at, outcome) : `${at} ${outcome.kind}`);
  }
  const deliveries = contents.map(({ delivery }) => delivery);
  const { outcomes, waiters, tables } = replay(deliveries, TABLES, 1, (row, isNew) => refuses(plan, row, isNew));
  const hoped = outcomes.map((outcome, at) =>
    outcome.kind === 'ingested' ? tell(at, outcome) : `${at} ${outcome.kind}`,
  );
  const waiting = waiters.filter(({ state }) => state === 'waiting').map(({ statement }) => statement);
  const refused = waiters.filter(({ state }) => state === 'rejected').map(() => 'refused');
  const pluck = (sql: string): string[] => database.db.prepare<[], string>(sql).pluck().all();
  return [
    ...difference('outcomes', hoped, found),
    ...compareEndState(database.db, { tables, waiting }),
    ...difference(
      'waiting rows',
      refused,
      pluck(`SELECT 'refused' FROM rejects WHERE code = 'constraint' AND settled_by_file_id IS NOT NULL`),
    ),
    ...difference('what refused rows leave behind', [], pluck('SELECT note FROM theirs')),
    ...[...verifyDatabase(database.db, database.feed)].flatMap((check) => check.findings),
  ];
}

/**
 * Runs many plans.
 * @param runs how many
 * @param emptyFolder gives an empty folder for each, gone or reused afterwards
 * @throws Error with the smallest plan found that differs from the oracle
 */
export async function triggerCampaign(runs: number, seed: number, emptyFolder: () => string): Promise<void> {
  await fc.assert(
    fc.asyncProperty(triggerPlans(), async (plan) => {
      const differences = await runTriggerPlan(plan, emptyFolder());
      if (differences.length > 0) throw new Error(differences.join('\n'));
    }),
    { numRuns: runs, seed },
  );
}
