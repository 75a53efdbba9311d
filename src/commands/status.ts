import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkDaemon } from '../status/health.ts';
import { reportDatabase, reportForJson, type StatusReport } from '../status/report.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_FAILED } from '../model/exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { Feed } from '../model/feed.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { openReader, databaseIsThere } from '../store/open.ts';
import type { DatabaseStatus, StoreReader } from '../store/reader.ts';
import { jsonText, mapped } from '../output/json.ts';
import { writePieces } from '../output/sink.ts';

export interface StatusOptions {
  readonly settings: Settings;
  readonly json: boolean;
  /** Say only whether the daemon is well, without looking into the database. */
  readonly check: boolean;
}

/** Files shown in each list of the text; `--json` shows all. */
const FIRST = 20;

/**
 * Shows where things stand: the daemon, the tables, what was refused, what waits.
 * @returns 0; with `check` 1 when the daemon is not alive or cannot work (a fault of the landing folder, the database or the worker)
 * @throws LandfallError when there is neither a daemon nor a database that can be read
 */
export async function status(options: StatusOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const now = io.now();
  const daemon = checkDaemon(settings.db, now);
  const { heartbeat, problem } = daemon;
  // What the daemon says of itself lies beside the database: who may not look there must not be told that there is none.
  if (heartbeat === null) databaseIsThere(settings.db);
  const exitCode = options.check && problem !== null ? EXIT_FAILED : 0;
  // Text has a file of its own, loaded only here and below: the words for times take as long to load as a fifth of the command.
  if (options.check && !options.json) {
    const { daemonLine } = await import('./status-text.ts');
    io.stdout.write(`${daemonLine(daemon, now)}\n`);
    return exitCode;
  }

  const feed = loadFeed(settings.feed, settings.env);
  await using opened = new AsyncDisposableStack();
  const database = await lookInto(settings.db, feed, options.json ? 0 : FIRST, opened);
  if (database instanceof LandfallError && !daemon.lives) throw database;
  const found = database instanceof LandfallError ? database : database.status;
  const report: StatusReport = {
    version: io.program.version,
    daemon,
    database: reportDatabase(settings.db, found),
  };
  const isThere = (name: string): boolean => existsSync(join(settings.landing, name));
  if (options.json) {
    const lists = database instanceof LandfallError ? {} : wholeLists(database.reader, isThere);
    await writePieces(io.stdout, jsonText(reportForJson(report, lists)));
    return exitCode;
  }

  const { statusText } = await import('./status-text.ts');
  io.stdout.write(statusText(report, isThere, now, io.stdout));
  return exitCode;
}

/** What the database says, and who may be asked for more. */
interface Look {
  readonly reader: StoreReader;
  readonly status: DatabaseStatus;
}

/**
 * Asks the database, or gives why it cannot be asked: the daemon may still be worth showing.
 * @param opened closes the reader in the end
 */
async function lookInto(
  db: string,
  feed: Feed,
  most: number,
  opened: AsyncDisposableStack,
): Promise<Look | LandfallError> {
  try {
    const reader = await openReader(db, feed);
    opened.defer(() => reader.close());
    return { reader, status: await reader.status(most) };
  } catch (error) {
    if (error instanceof LandfallError) return error;
    throw error;
  }
}

/** The lists are read as they are written: what is in them by then may differ from the numbers. */
function wholeLists(reader: StoreReader, isThere: (name: string) => boolean): object {
  return {
    quarantined: mapped(reader.notes('quarantined'), (note) => ({ ...note, in_landing: isThere(note.name) })),
    not_taken: reader.notes('not_taken'),
    late: reader.notes('late'),
    corrected: reader.notes('corrected'),
    warned: reader.notes('warned'),
  };
}
