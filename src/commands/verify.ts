import { EXIT_REFUSED } from '../model/exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { openReader } from '../store/open.ts';
import type { Verification } from '../store/reader.ts';
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
export async function verify(options: VerifyOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const feed = loadFeed(settings.feed);
  const reader = await openReader(settings.db, feed);
  const done: Verification[] = [];
  try {
    for await (const verification of reader.verify()) {
      done.push(verification);
      if (!options.json) io.stdout.write(describe(verification));
    }
  } finally {
    await reader.close();
  }
  const sound = done.every((verification) => verification.findings.length === 0);
  if (options.json) io.stdout.write(`${JSON.stringify({ sound, checks: done }, null, 2)}\n`);
  else
    io.stdout.write(
      sound
        ? 'The database is sound.\n'
        : 'The database is NOT sound: keep a copy, then restore a backup or refill an empty database from the files.\n',
    );
  return sound ? 0 : EXIT_REFUSED;
}

/** One line a check as it ends, so that a long run shows how far it is. */
function describe(verification: Verification): string {
  const { check, findings } = verification;
  if (findings.length === 0) return `ok      ${check}\n`;
  return findings.map((finding) => `FAILED  ${check}: ${printable(finding)}\n`).join('');
}
