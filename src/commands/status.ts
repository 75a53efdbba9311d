import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkDaemon } from '../status/health.ts';
import type { StatusReport } from '../status/report.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_DATA, EXIT_FAILED } from '../model/exit-codes.ts';
import type { CommandIo } from '../system/io.ts';
import { isUrl } from '../settings/database-url.ts';
import type { Settings } from '../settings/settings.ts';
import { databaseIsThere } from '../store/open.ts';
import type { StoreReader } from '../store/reader.ts';
import { jsonText, mapped, toJson } from '../output/json.ts';
import { writePieces } from '../output/sink.ts';
import { printable } from '../output/terminal.ts';

export interface StatusOptions {
  readonly settings: Settings;
  readonly json: boolean;
  /** Say only whether the daemon is well, without looking into the database. */
  readonly check: boolean;
  /** With `check`: say whether the data is all in and in line instead. */
  readonly data?: boolean;
}

/** Files shown in each list of the text; `--json` shows all. */
const FIRST = 20;

/**
 * Shows where things stand: the daemon, the tables, what was refused, what waits.
 * @returns 0; with `check` 1 when the daemon is not alive or cannot work (a fault of the landing folder, the database or the worker);
 *   with `check` and `data` 2 when data needs someone
 * @throws LandfallError when there is neither a daemon nor a database that can be read
 */
export async function status(options: StatusOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const now = io.now();
  const daemon = checkDaemon(settings, now);
  const { heartbeat, problem } = daemon;
  // What the daemon says of itself lies beside the database: who may not look there must not be told that there is none.
  if (heartbeat === null && !isUrl(settings.db)) await databaseIsThere(settings.db);
  if (options.data === true && !options.check) throw new LandfallError('read --data', '--data goes with --check');
  const exitCode = options.check && problem !== null ? EXIT_FAILED : 0;
  // What looks into the database reads the feed, too, and takes twice as long to load as the rest of a health check.
  if (options.check && options.data !== true && !options.json) {
    const { daemonLine } = await import('./status-text.ts');
    io.stdout.write(`${daemonLine(daemon, now)}\n`);
    return exitCode;
  }

  const { readReport } = await import('../status/read-report.ts');
  await using opened = new AsyncDisposableStack();
  const most = options.json ? 0 : FIRST;
  const { report, reader } = await readReport({ settings, version: io.program.version, now, most }, opened);
  if (options.data === true) return await checkData(report, options.json, io);
  const isThere = (name: string): boolean => existsSync(join(settings.landing, name));
  if (options.json) {
    const { reportForJson } = await import('../status/report.ts');
    await writePieces(io.stdout, jsonText(reportForJson(report, reader === null ? {} : wholeLists(reader, isThere))));
    return exitCode;
  }

  const { statusText } = await import('./status-text.ts');
  io.stdout.write(statusText(report, isThere, now, io.stdout));
  return exitCode;
}

/** @returns 0, or 2 where data needs someone */
async function checkData({ data, database }: StatusReport, json: boolean, io: CommandIo): Promise<number> {
  if (data === null) throw new LandfallError('read database', database.problem ?? 'it cannot be read');
  const { dataLine } = await import('./data-text.ts');
  io.stdout.write(json ? `${toJson(data.conditions)}\n` : `${printable(dataLine(data))}\n`);
  return data.conditions.length > 0 ? EXIT_DATA : 0;
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
