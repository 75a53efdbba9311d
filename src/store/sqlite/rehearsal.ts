import { guardFaults } from './faults.ts';
import type { Rehearsal } from '../rehearsal.ts';
import { copyForDryRun, reportOf } from './dry-run.ts';
import { type OpenDatabase, closeDatabase, openForRehearsal } from './open.ts';
import { createStore } from './store.ts';

/**
 * Opens a database for a dry run; where there is none yet, an empty one stands in for it.
 * @throws LandfallError, DatabaseFault as `openDatabase` does
 */
export function openSqliteRehearsal(options: Parameters<typeof openForRehearsal>[0]): Rehearsal {
  return createRehearsal(openForRehearsal(options));
}

/** A rehearsal on a database that is open for it. */
export function createRehearsal(database: OpenDatabase): Rehearsal {
  const { file } = database;
  return {
    // It holds no more of the tables than the files can touch.
    store: { ...createStore(database), checkTables: () => Promise.resolve([]) },
    copy: (rows) =>
      Promise.try(guardFaults, 'check', file, () => {
        copyForDryRun(database, rows);
      }),
    report: (dataset, fileId) => Promise.try(guardFaults, 'check', file, () => reportOf(database, dataset, fileId)),
    close: () =>
      Promise.try(() => {
        closeDatabase(database);
      }),
  };
}
