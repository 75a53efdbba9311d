import type Database from 'better-sqlite3';
import type { Feed } from '../../model/feed.ts';
import { asFault, guardFaults, saysDamaged } from './faults.ts';
import type { StoreReader } from '../reader.ts';
import { checkLedger, checkSetUp } from './check-ledger.ts';
import { databaseSize } from './database-file.ts';
import { readDeliveries } from './deliveries-query.ts';
import { listFiles, listNotes } from './files-query.ts';
import { openForReading } from './open.ts';
import { readOverview } from './overview-query.ts';
import { asList } from './pages.ts';
import { listRejects } from './rejects-query.ts';
import { NOTED } from '../noted-files.ts';
import { readStatus } from './status-query.ts';
import { readSnapshot } from './snapshot.ts';
import { verifyDatabase } from './verify.ts';

/**
 * Opens an existing database to read it, also while a daemon writes, and where nothing can be written: then a copy of it.
 * @throws LandfallError when it is missing or not Landfall's, or cannot be read where it lies
 * @throws DatabaseFault when it cannot be opened or is damaged
 */
export function openSqliteReader(file: string, feed: Feed): StoreReader {
  const db = openForReading(file);
  return {
    files: (search) =>
      asList('read ledger', file, () => {
        checkSetUp(db, file, feed);
        checkLedger(db, file);
        return listFiles(db, search);
      }),
    rejects: (search, withValues) =>
      asList('read rejects', file, () => {
        checkSetUp(db, file, feed);
        return listRejects(db, feed, search, withValues);
      }),
    status: (most) =>
      Promise.try(guardFaults, 'read database', file, () => {
        checkSetUp(db, file, feed);
        checkLedger(db, file);
        return readStatus(db, feed, most);
      }),
    overview: (since) =>
      Promise.try(guardFaults, 'read ledger', file, () => {
        checkSetUp(db, file, feed);
        checkLedger(db, file);
        return readOverview(db, since);
      }),
    deliveries: (since) =>
      Promise.try(guardFaults, 'read database', file, () => {
        checkSetUp(db, file, feed);
        checkLedger(db, file);
        return readDeliveries(db, feed, since);
      }),
    notes: (list) => asList('read database', file, () => listNotes(db, NOTED[list], null)),
    verify: () =>
      asList('verify', file, () => {
        requireSetUp(db, file, feed);
        return verifyDatabase(db, feed);
      }),
    async snapshot(work) {
      try {
        checkSetUp(db, file, feed);
        checkLedger(db, file);
        return await readSnapshot(db, file, feed, work);
      } catch (error) {
        throw asFault('export', file, error);
      }
    },
    size: () => Promise.try(databaseSize, file),
    close: () => Promise.try(() => void db.close()),
  };
}

/** As `checkSetUp`, but for a damaged database: the checks say what is damaged. */
function requireSetUp(db: Database.Database, file: string, feed: Feed): void {
  try {
    checkSetUp(db, file, feed);
  } catch (error) {
    if (!saysDamaged(error)) throw error;
  }
}
