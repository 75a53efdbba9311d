import { EXIT_REFUSED } from '../model/exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { guardFaults, saysDamaged } from '../store/database-fault.ts';
import { openForReading } from '../store/sqlite/open.ts';
import { checkSetUp } from '../store/sqlite/queries.ts';
import { type Verification, verifyDatabase } from '../store/sqlite/verify.ts';
import { printable } from '../output/terminal.ts';

/** What `verify` takes. */
export interface VerifyOptions {
  readonly settings: Settings;
  readonly json: boolean;
}

/**
 * Verifies the database: SQLite's integrity, the foreign keys, the accounting. Each check is printed as it ends.
 * @returns 0 when all is sound, 3 when something was found
 * @throws LandfallError, DatabaseFault when the database cannot be opened
 */
export function verify(options: VerifyOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const feed = loadFeed(settings.feed);
  const db = openForReading(settings.db);
  const done: Verification[] = [];
  try {
    guardFaults('verify', settings.db, () => {
      try {
        checkSetUp(db, settings.db, feed);
      } catch (error) {
        // The checks say what is damaged.
        if (!saysDamaged(error)) throw error;
      }
      for (const verification of verifyDatabase(db, feed)) {
        done.push(verification);
        if (!options.json) io.stdout.write(describe(verification));
      }
    });
  } finally {
    db.close();
  }
  const sound = done.every((verification) => verification.findings.length === 0);
  if (options.json) io.stdout.write(`${JSON.stringify({ sound, checks: done }, null, 2)}\n`);
  else
    io.stdout.write(
      sound
        ? 'The database is sound.\n'
        : 'The database is NOT sound: keep a copy, then restore a backup or refill an empty database from the files.\n',
    );
  return Promise.resolve(sound ? 0 : EXIT_REFUSED);
}

/** One line a check as it ends, so that a long run shows how far it is. */
function describe(verification: Verification): string {
  const { check, findings } = verification;
  if (findings.length === 0) return `ok      ${check}\n`;
  return findings.map((finding) => `FAILED  ${check}: ${printable(finding)}\n`).join('');
}
