import { EXIT_REFUSED } from '../model/exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { openReader } from '../store/open.ts';
import { SCHEMA_CHECK, type StoreReader, type Verification } from '../store/reader.ts';
import { LandfallError } from '../model/errors.ts';
import { difference, findingsOf } from './archive.ts';
import { counted } from '../output/counted.ts';
import { toJson } from '../output/json.ts';
import { CLEAR_LINE, printable } from '../output/terminal.ts';
import { hang } from '../output/width.ts';

/** What `verify` takes. */
export interface VerifyOptions {
  readonly settings: Settings;
  readonly json: boolean;
}

/**
 * Verifies the database: SQLite's integrity, the foreign keys, the accounting, the schema, the archive. Each check is printed as it ends.
 * @returns 0 when all is sound, 3 when something was found
 * @throws LandfallError, DatabaseFault when the database cannot be opened
 */
export async function verify(options: VerifyOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const feed = loadFeed(settings.feed, settings.env);
  const reader = await openReader(settings.db, feed);
  const { isTTY, columns } = io.stdout;
  const done: Verification[] = [];
  try {
    for await (const verification of checks(reader, settings)) {
      done.push(verification);
      if (!options.json) io.stdout.write(isTTY ? describeOnTerminal(verification, done) : describe(verification));
    }
  } finally {
    await reader.close();
  }
  const sound = done.every(isOk);
  if (options.json) io.stdout.write(`${toJson({ sound, checks: done }, '  ')}\n`);
  else if (isTTY) io.stdout.write(`${CLEAR_LINE}${hang('', `${countOf(done)}. ${verdict(done)}`, columns)}\n`);
  else io.stdout.write(`${verdict(done)}\n`);
  return sound ? 0 : EXIT_REFUSED;
}

/** What stands in the database, and whether the archive holds what it says. */
async function* checks(reader: StoreReader, settings: Settings): AsyncGenerator<Verification, void> {
  yield* reader.verify();
  if (settings.archive !== null) yield { check: ARCHIVE_CHECK, findings: await checkArchive(settings) };
}

const ARCHIVE_CHECK = 'archive';

/** An archive that cannot be read is a finding: the checks of the database say what they have found all the same. */
async function checkArchive(settings: Settings): Promise<readonly string[]> {
  try {
    return findingsOf(await difference(settings));
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    return [error.message];
  }
}

function isOk({ findings }: Verification): boolean {
  return findings.length === 0;
}

function verdict(done: readonly Verification[]): string {
  const failed = done.filter((one) => !isOk(one));
  if (failed.length === 0) return 'The database is sound.';
  if (failed.every(({ check }) => check === ARCHIVE_CHECK))
    return 'The database is sound, but the archive is not what it says: see docs/backup.md.';
  if (failed.every(({ check }) => check === SCHEMA_CHECK))
    return 'The database is sound, but the daemon does not start on it: mend its schema.';
  return 'The database is NOT sound: keep a copy, then restore a backup or refill an empty database from the archive.';
}

/** `34 checks, all ok`, `33 of 34 checks ok` */
function countOf(done: readonly Verification[]): string {
  const ok = done.filter(isOk).length;
  return ok === done.length ? `${counted(ok, 'check')}, all ok` : `${ok} of ${counted(done.length, 'check')} ok`;
}

/** The findings stay; how far it is stands in the last line, until the next check ends. */
function describeOnTerminal(verification: Verification, done: readonly Verification[]): string {
  return `${CLEAR_LINE}${isOk(verification) ? '' : describe(verification)}${countOf(done)}`;
}

/** One line a check as it ends, so that a long run shows how far it is. */
function describe(verification: Verification): string {
  const { check, findings } = verification;
  if (isOk(verification)) return `ok      ${check}\n`;
  return findings.map((finding) => `FAILED  ${check}: ${printable(finding)}\n`).join('');
}
