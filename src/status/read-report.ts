import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import { isUrl } from '../settings/database-url.ts';
import type { Settings } from '../settings/settings.ts';
import { databaseIsThere, databaseSize, openReader } from '../store/open.ts';
import type { DatabaseStatus, StoreReader } from '../store/reader.ts';
import { daemonConditions } from './daemon-conditions.ts';
import { assessData, neededSince, type DataStatus } from './data-status.ts';
import { exportConditions } from './export-failures.ts';
import { checkDaemon } from './health.ts';
import { heartbeatPlace, type HeartbeatPlace } from './heartbeat.ts';
import { reportDatabase, type StatusReport } from './report.ts';

/** What a report is made of. */
export interface ReportOptions {
  readonly settings: HeartbeatPlace & Pick<Settings, 'feed' | 'env' | 'alertRejected'>;
  /** Of the program that looks. */
  readonly version: string;
  readonly now: Date;
  /** How many files each list of the database's status holds. */
  readonly most: number;
}

/** A report, and the reader that it was made with, for more. */
export interface ReadReport {
  readonly report: StatusReport;
  /** Null: the database cannot be asked. */
  readonly reader: StoreReader | null;
}

/**
 * Finds out where things stand. Of a daemon that lives, a database that cannot be asked is a part of the answer.
 * @param opened closes the reader in the end
 * @throws LandfallError when the feed is wrong, or there is neither a daemon nor a database that can be read
 */
export async function readReport(options: ReportOptions, opened: AsyncDisposableStack): Promise<ReadReport> {
  const { settings, version, now } = options;
  const daemon = checkDaemon(settings, now);
  // What the daemon says of itself lies beside the database: who may not look there must not be told that there is none.
  if (daemon.heartbeat === null && !isUrl(settings.db)) await databaseIsThere(settings.db);
  const found = await lookInto(options, loadFeed(settings.feed, settings.env), opened);
  if (found instanceof LandfallError) {
    if (!daemon.lives) throw found;
    const database = reportDatabase(settings.db, found, databaseSize(settings.db));
    const conditions = daemonConditions(daemon, found.message);
    return { report: { version, daemon, database, data: null, conditions }, reader: null };
  }
  const { status, data, reader } = found;
  const database = reportDatabase(settings.db, status, await reader.size());
  const exports = exportConditions(heartbeatPlace(settings));
  const conditions = [...daemonConditions(daemon, null), ...exports, ...data.conditions];
  return { report: { version, daemon, database, data, conditions }, reader };
}

interface Look {
  readonly reader: StoreReader;
  readonly status: DatabaseStatus;
  readonly data: DataStatus;
}

/** Asks the database, or gives why it cannot be asked. */
async function lookInto(
  { settings, now, most }: ReportOptions,
  feed: Feed,
  opened: AsyncDisposableStack,
): Promise<Look | LandfallError> {
  try {
    const reader = await openReader(settings.db, feed);
    opened.defer(() => reader.close());
    const status = await reader.status(most);
    const deliveries = await reader.deliveries(neededSince(feed, now));
    return { reader, status, data: assessData(feed, deliveries, settings.alertRejected, now) };
  } catch (error) {
    if (error instanceof LandfallError) return error;
    throw error;
  }
}
