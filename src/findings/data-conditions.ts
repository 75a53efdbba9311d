import type { Feed } from '../model/feed.ts';
import { LandfallError } from '../model/errors.ts';
import type { Condition } from '../status/condition.ts';
import { assessData, neededSince } from '../status/data-status.ts';
import { faultConditions } from '../status/daemon-conditions.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { databaseIsThere, keepAlertLease, openReader } from '../store/open.ts';

/** Which database is asked, and how it is judged. */
export interface DataPlace {
  readonly db: string;
  readonly feed: Feed;
  /** Above this share of rejected rows a file needs someone. */
  readonly alertRejected: number;
}

/**
 * What the ledger says of the data. `known`: it is the asking daemon's to tell; `elsewhere`: another daemon of this database tells it;
 * `unknown`: the database could not be asked, and its fault is all there is.
 */
export interface DataConditions {
  readonly data: 'known' | 'elsewhere' | 'unknown';
  readonly conditions: readonly Condition[];
}

/** Nothing was to be learned. */
export const UNKNOWN: DataConditions = { data: 'unknown', conditions: [] };

/**
 * Asks the ledger, and whose it is to tell. A database that is not there, not set up or another's is the worker's to tell.
 * @param holder who asks: the same over restarts
 */
export async function readDataConditions(
  { db, feed, alertRejected }: DataPlace,
  holder: string,
  now: Date,
): Promise<DataConditions> {
  try {
    if (!(await databaseIsThere(db))) return UNKNOWN;
    const reader = await openReader(db, feed);
    try {
      const { conditions } = assessData(feed, await reader.deliveries(neededSince(feed, now)), alertRejected, now);
      return { data: (await keepAlertLease(db, holder)) ? 'known' : 'elsewhere', conditions };
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    if (!(error instanceof DatabaseFault)) return UNKNOWN;
    const fault = { kind: 'database', file: null, problem: error.message, since: now.toISOString() } as const;
    return { data: 'unknown', conditions: faultConditions([fault]) };
  }
}
