import { bindProtection } from '../ingest/bind-protection.ts';
import { runDueChecks } from '../ingest/judge-checks.ts';
import { ingestFile } from '../ingest/ingest-file.ts';
import { loadFeed } from '../feed/load.ts';
import { createEvents, type Events } from '../model/events.ts';
import type { Feed } from '../model/feed.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import { logFaults, logFiles } from '../output/event-log.ts';
import { createFaultBook, type FaultBook } from '../status/faults.ts';
import { readFeedKey } from '../protection/feed-key.ts';
import type { Store } from '../store/store.ts';
import { createCurrentWork, type CurrentWork } from './current-work.ts';
import { openDatabase } from './database-session.ts';
import { scan } from './intake.ts';
import { createIntake, type Intake } from './intake-state.ts';
import { createReceipts } from './receipts.ts';
import { runLoop } from './loop.ts';
import { createTeller, type Supervised } from './supervisor-link.ts';

/** The events of a worker and who listens to them: the log, and the supervisor. */
export interface Telling {
  readonly events: Events;
  readonly faults: FaultBook;
  readonly work: CurrentWork;
}

/** Has events logged, and told to the supervisor. */
export function openTelling({ io, logger, send }: Supervised, feed: Feed): Telling {
  const events = createEvents();
  const faults = createFaultBook(events, io.now);
  logFaults(events, logger);
  logFiles(events, logger, feed);
  events.on('work', createTeller(send));
  events.on('folders', (folders) => {
    send({ kind: 'folders', folders: [...folders] });
  });
  return { events, faults, work: createCurrentWork(events, faults) };
}

/** The intake of a database that is open. */
export function openIntake(
  supervised: Supervised,
  feed: Feed,
  telling: Telling,
  store: Store,
  protection: ProtectionKey | null,
  how: { hasNews: () => boolean; tellAgain: boolean },
): Intake {
  const { settings, io, logger, giveUp } = supervised;
  return createIntake({
    ...telling,
    ...how,
    settings,
    feed,
    store,
    protection,
    receipts:
      settings.receipts === null
        ? null
        : createReceipts({ ...telling, ...{ db: settings.db, folder: settings.receipts, feed, now: io.now } }),
    ingest: ingestFile,
    logger,
    now: io.now,
    monotonic: () => performance.now(),
    stop: io.stop,
    giveUp,
  });
}

export interface SessionOptions {
  /** The verb, for whoever else wants the database. */
  readonly command: 'run' | 'once';
  /** How long a fault of the folder or the database is waited for, in ms; null: for ever. */
  readonly patienceMs: number | null;
  /** Called when the database is open. What it defers is done when the loop has ended. */
  readonly onOpen?: (intake: Intake, ending: DisposableStack) => void;
}

/**
 * Takes the database, and takes files until stopped (`run`), or until nothing is left that comes by itself (`once`).
 * @returns the intake at its end; null: stopped before the database was open
 * @throws LandfallError when someone else writes the database, or it does not fit the feed
 * @throws DatabaseFault, FolderFault when it is damaged, or the patience is at an end
 */
export async function takeFromLanding(supervised: Supervised, options: SessionOptions): Promise<Intake | null> {
  const { settings, io, waker, send } = supervised;
  const { command, patienceMs } = options;
  const once = command === 'once';
  const feed = loadFeed(settings.feed, settings.env);
  const protection = readFeedKey(feed, settings.keyFile);
  const telling = openTelling(supervised, feed);
  const waiting = { faults: telling.faults, waker, patienceMs, monotonic: () => performance.now() };
  const opened = await openDatabase(supervised, feed, command, waiting);
  if (opened.kind === 'stopped') return null;
  if (opened.kind === 'held') throw opened.problem;
  const { store } = opened;
  try {
    await bindProtection(store, feed, protection);
    await runDueChecks(store, io.stop);
    send({ kind: 'ready' });
    // Nobody watches for `once`: what comes in the meantime is found when all is taken.
    const hasNews = once ? () => true : waker.poked;
    const intake = openIntake(supervised, feed, telling, store, protection, { hasNews, tellAgain: once });
    using ending = new DisposableStack();
    options.onOpen?.(intake, ending);
    await runLoop({ ...waiting, scan: () => scan(intake), until: once ? 'all taken' : 'stopped', stop: io.stop });
    return intake;
  } finally {
    await store.close();
  }
}
