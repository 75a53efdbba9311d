import os from 'node:os';
import path from 'node:path';
import { nameAt } from '../feed/file-name.ts';
import { loadFeed } from '../feed/load.ts';
import { ACCEPTABLE_CODES, type AcceptableCode } from '../model/codes.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_FAILED } from '../model/exit-codes.ts';
import { printable } from '../output/terminal.ts';
import type { Settings } from '../settings/settings.ts';
import { openReader, recordDecision } from '../store/open.ts';
import type { FileRow, StoreReader } from '../store/reader.ts';
import type { CommandIo } from '../system/io.ts';

/** What `accept` takes. */
export interface AcceptOptions {
  readonly settings: Settings;
  /** File names; of a path what the feed's names have of it counts. */
  readonly names: readonly string[];
  /** Who decides; default the login name. */
  readonly by?: string;
  readonly reason?: string;
}

/**
 * Keeps the decision to let in files that are held for a reason that a person may overrule, as they are; the daemon, or the next
 * run, then reads them again. One that was loaded with such a warning is no longer told of. Another content under the name is
 * another matter.
 * @returns 0, or 1 where a name is none that can be accepted
 * @throws LandfallError, DatabaseFault when the database cannot be read or written
 */
export async function accept(options: AcceptOptions, io: CommandIo): Promise<number> {
  const { settings, names, by = loginName(io), reason = null } = options;
  const feed = loadFeed(settings.feed, settings.env);
  const place = {
    db: settings.db,
    feed,
    migrations: path.join(io.program.root, 'migrations'),
    program: io.program.version,
  };
  let exitCode = 0;
  for (const name of new Set(names.map((one) => nameAt(feed, path.resolve(io.cwd, one))))) {
    const found = await findAcceptable(await openReader(settings.db, feed), name);
    if (found === null) {
      io.stderr.write(
        `landfall: accept ${printable(name)}: its latest content is neither held nor warned of for ${ACCEPTABLE_CODES.join(', ')}\n`,
      );
      exitCode = EXIT_FAILED;
      continue;
    }
    await recordDecision(place, { name, by, reason, ...found.decision }, io.now());
    const then = found.isHeld ? 'it is read again by the daemon, or the next run' : 'it is in, and no longer told of';
    io.stdout.write(`accepted ${printable(name)} (${found.decision.code}): ${then}\n`);
  }
  return exitCode;
}

interface Acceptable {
  readonly decision: { readonly sha256: string; readonly code: AcceptableCode };
  /** It is quarantined. */
  readonly isHeld: boolean;
}

async function findAcceptable(reader: StoreReader, name: string): Promise<Acceptable | null> {
  try {
    // The newest comes first.
    for await (const file of reader.files({ states: [], codes: [], name, since: null, limit: null }))
      if (file.name === name) return acceptable(file);
    return null;
  } finally {
    await reader.close();
  }
}

function acceptable({ state, sha256, reason_code, warnings }: FileRow): Acceptable | null {
  if (sha256 === null) return null;
  const isHeld = state === 'quarantined';
  const code = ACCEPTABLE_CODES.find((one) => (isHeld ? reason_code === one : warnings?.[one] !== undefined));
  return code === undefined ? null : { decision: { sha256, code }, isHeld };
}

/** @throws LandfallError where the system knows none */
function loginName({ env }: CommandIo): string {
  const said = env['SUDO_USER'] ?? env['USER'] ?? env['LOGNAME'];
  if (said !== undefined && said !== '') return said;
  try {
    return os.userInfo().username;
  } catch {
    throw new LandfallError('accept', 'the system has no name for who runs it', {
      hint: 'say who decides with --by NAME',
    });
  }
}
