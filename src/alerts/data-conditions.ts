import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import type { Settings } from '../settings/settings.ts';
import { assessData, neededSince } from '../status/data-status.ts';
import { faultConditions } from '../status/daemon-conditions.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import { databaseIsThere, openReader } from '../store/open.ts';
import type { Known } from './alerter.ts';

/** Which database is asked, and how it is judged. */
export type DataSettings = Pick<Settings, 'db' | 'feed' | 'env' | 'alertRejected'>;

/**
 * What the ledger says of the data, or that the database cannot be read. A database that is not there, not set up or another's is the
 * worker's to tell.
 */
export async function readDataConditions(
  { db, feed: folder, env, alertRejected }: DataSettings,
  now: Date,
): Promise<Known> {
  try {
    if (!(await databaseIsThere(db))) return { conditions: [], isComplete: false };
    const feed = loadFeed(folder, env);
    const reader = await openReader(db, feed);
    try {
      const { conditions } = assessData(feed, await reader.deliveries(neededSince(feed, now)), alertRejected, now);
      return { conditions, isComplete: true };
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    if (!(error instanceof DatabaseFault)) return { conditions: [], isComplete: false };
    const fault = { kind: 'database', file: null, problem: error.message, since: now.toISOString() } as const;
    return { conditions: faultConditions([fault]), isComplete: false };
  }
}
