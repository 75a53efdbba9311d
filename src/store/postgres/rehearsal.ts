import type pg from 'pg';
import type { Dataset } from '../../model/feed.ts';
import type { StorePlace } from '../ownership.ts';
import type { DryRunReport, Rehearsal } from '../rehearsal.ts';
import { connect } from './connect.ts';
import { copyForDryRun, makeShadows, reportOf } from './dry-run.ts';
import { asFault } from './faults.ts';
import { migrateAlone } from './migrate.ts';
import { requireSoundChecks } from './check-queries.ts';
import { checkSchema } from './schema.ts';
import { type ServerPlace, serverPlace } from './server-place.ts';
import { beginSql } from './begin-sql.ts';
import { nestedSession } from './session.ts';
import { createStore } from './store.ts';
import { checkSetUp, isSetUp } from './tables.ts';

/**
 * Opens a database on a server for a dry run; where it was not set up yet, empty tables stand in for its own. All that it does is
 * done to temporary tables, in one transaction that is rolled back.
 * @throws LandfallError, DatabaseFault as `openStore` does
 */
export async function openServerRehearsal(options: StorePlace): Promise<Rehearsal> {
  const { feed, program } = options;
  const place = serverPlace(options.db);
  const client = await connect(place, 'landfall check');
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asFault('check', place, error);
    }
  };
  try {
    await guard(() => begin(client, place, options));
  } catch (error) {
    await client.end();
    throw error;
  }
  const session = nestedSession(place, client);
  const store = { feed, program, files: session, notes: session, run: null, probe: () => undefined };
  return {
    store: createStore(store),
    copy: (rows) => guard(() => copyForDryRun(client, place, feed, rows)),
    report: (dataset: Dataset, fileId: number): Promise<DryRunReport> =>
      guard(() => reportOf(client, dataset, fileId, guard)),
    close: () => client.end(),
  };
}

async function begin(client: pg.Client, place: ServerPlace, options: StorePlace): Promise<void> {
  const { feed } = options;
  // Of all that is copied one state is seen.
  await client.query(beginSql(place, 'rehearsal'));
  if (!(await isSetUp(client, place))) {
    await client.query('SET LOCAL search_path TO pg_temp');
    await migrateAlone(client, place, options);
    await makeShadows(client, place, feed, false);
    await requireSoundChecks(client, feed);
    return;
  }
  await checkSetUp(client, place, feed);
  await checkSchema(client, place, feed);
  await requireSoundChecks(client, feed);
  await makeShadows(client, place, feed, true);
}
