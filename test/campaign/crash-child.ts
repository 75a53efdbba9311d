/**
 * Takes a landing folder in in a process of its own, to be killed. It is what the worker runs, with a probe that
 * ends the process at a chosen moment, or says on stdout that it is there, so that the parent kills it a little later.
 *
 * usage: crash-child.ts CRASH_ORDERS   (JSON, see CrashOrders)
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { createFaultBook } from '../../src/status/faults.ts';
import { createCurrentWork } from '../../src/worker/current-work.ts';
import { scan } from '../../src/worker/intake.ts';
import { createIntake } from '../../src/worker/intake-state.ts';
import { bindProtection } from '../../src/ingest/bind-protection.ts';
import { runDueChecks } from '../../src/ingest/judge-checks.ts';
import { readFeedKey } from '../../src/protection/feed-key.ts';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import { runLoop } from '../../src/worker/loop.ts';
import { createWaker } from '../../src/worker/waker.ts';
import { createEvents } from '../../src/model/events.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { closeLeftAttempts } from '../../src/store/sqlite/attempts.ts';
import { openDatabase, type OpenDatabase } from '../../src/store/sqlite/open.ts';
import { createStore } from '../../src/store/sqlite/store.ts';
import type { Moment } from '../../src/model/ledger.ts';

export interface CrashOrders {
  readonly landing: string;
  readonly database: string;
  readonly archive: string;
  /** The clock is so far ahead, in ms: what is set aside is old enough to be removed. */
  readonly aheadMs: number;
  /** The folder of the feed, and the file of its key, where it has one. */
  readonly feed: string;
  readonly keyFile: string | null;
  /** Null: it is left to finish. */
  readonly kill: {
    readonly moment: Moment;
    /** At which time that the moment comes round, from 1. */
    readonly nth: number;
    /** `exact`: the process ends itself there. `announced`: it writes `!` to stdout and goes on. */
    readonly how: 'exact' | 'announced';
  } | null;
  /** The control arm: a file's ledger entry is committed, as ingested, before its rows are. */
  readonly broken: boolean;
}

const ROOT = join(import.meta.dirname, '../..');
const orders = JSON.parse(process.argv[2] ?? '') as CrashOrders;
const { landing, kill, broken } = orders;

let database: OpenDatabase | null = null;
let seen = 0;
const probe = (moment: Moment): void => {
  if (broken && moment === 'reading') database?.db.exec('COMMIT; BEGIN IMMEDIATE');
  if (moment !== kill?.moment || ++seen !== kill.nth) return;
  if (kill.how === 'exact') process.kill(process.pid, 'SIGKILL');
  else writeSync(1, '!');
};

const feed = loadFeed(orders.feed);
const protection = readFeedKey(feed, orders.keyFile);
const program = '0.0.0-test';
database = openDatabase({
  file: orders.database,
  feed,
  migrations: join(ROOT, 'migrations'),
  program,
  cacheMib: 4,
  probe,
});
closeLeftAttempts(database, { crashed: false, cutShortAt: null }, new Date());
// Small, so that checkpoints fall into the commits.
database.db.pragma('wal_autocheckpoint = 20');
const never = new AbortController().signal;
const now = (): Date => new Date(Date.now() + orders.aheadMs);
const monotonic = (): number => performance.now();
const store = createStore(database);
await bindProtection(store, feed, protection);
await runDueChecks(store, never);
const events = createEvents();
const faults = createFaultBook(events, now);
const intake = createIntake({
  settings: { landing, settleMs: 0, archive: orders.archive, archiveForMs: null, after: 'remove', removeAfterMs: 0 },
  feed,
  protection,
  store,
  ingest: ingestFile,
  events,
  faults,
  work: createCurrentWork(events, faults),
  logger: pino({ level: 'silent' }),
  now,
  monotonic,
  stop: never,
  giveUp: never,
  hasNews: () => false,
  tellAgain: false,
  probe,
});
await runLoop({
  scan: () => scan(intake),
  waker: createWaker(never),
  faults,
  until: 'all taken',
  stop: never,
  patienceMs: 10_000,
  monotonic,
});
await store.close();
