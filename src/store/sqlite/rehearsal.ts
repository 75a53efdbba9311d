import { guardFaults } from './faults.ts';
import type { Rehearsal } from '../rehearsal.ts';
import { copyForDryRun, reportOf } from './dry-run.ts';
import { type OpenDatabase, closeDatabase, openForRehearsal } from './open.ts';
import { asList } from './pages.ts';
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
  const list = <Row>(rows: Iterable<Row>): AsyncIterable<Row> => asList('check', file, () => rows);
  return {
    store: createStore(database),
    copy: (rows) =>
      Promise.try(guardFaults, 'check', file, () => {
        copyForDryRun(database, rows);
      }),
    report: (dataset, fileId) =>
      Promise.try(guardFaults, 'check', file, () => {
        const { updates, rejected, waiting, heals } = reportOf(database, dataset, fileId);
        return { updates: list(updates), rejected: list(rejected), waiting: list(waiting), heals };
      }),
    close: () =>
      Promise.try(() => {
        closeDatabase(database);
      }),
  };
}
