import type { AcceptableCode } from '../../model/codes.ts';
import type { Decision } from '../../model/ledger.ts';
import type { FileEntry } from '../store.ts';
import { guardFaults } from './faults.ts';
import type { OpenDatabase } from './open.ts';
import { prepareOnce } from './prepare-once.ts';

/** As `Store.decide`. */
export function decide(database: OpenDatabase, decision: Decision, now: Date): void {
  const { db, file } = database;
  const { name, sha256, code, by, reason } = decision;
  const at = now.toISOString();
  guardFaults('decide', file, () => {
    db.transaction(() => {
      prepareOnce(
        db,
        `INSERT OR REPLACE INTO decisions (name, sha256, code, decided_by, reason, decided_at) VALUES (?, ?, ?, ?, ?, ?)`,
      ).run(name, sha256, code, by, reason, at);
      prepareOnce(
        db,
        `INSERT OR REPLACE INTO retries (name, requested_at) SELECT name, ? FROM files f WHERE name = ? AND sha256 = ?
           AND state = 'quarantined' AND revision = (SELECT max(revision) FROM files l WHERE l.name = f.name)`,
      ).run(at, name, sha256);
    }).immediate();
  });
}

/** As `FileTransaction.isAccepted`. */
export function isAccepted({ db }: OpenDatabase, { name, sha256 }: FileEntry, code: AcceptableCode): boolean {
  const found = prepareOnce<[string, string | null, string], number>(
    db,
    'SELECT 1 FROM decisions WHERE name = ? AND sha256 = ? AND code = ?',
  )
    .pluck()
    .get(name, sha256, code);
  return found === 1;
}
