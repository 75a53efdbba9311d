import { statSync } from 'node:fs';
import { formatDistanceStrict } from 'date-fns/formatDistanceStrict';
import { isAlive, percentRead, readAlive, type Alive, type Fault } from '../daemon/alive.ts';
import { LandfallError } from '../errors.ts';
import { EXIT_FAILED } from '../exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { Feed } from '../feed/types.ts';
import type { Settings } from '../settings.ts';
import { guardFaults } from '../store/fault.ts';
import { openForReading } from '../store/open.ts';
import { checkSetUp, readStatus, type DatabaseStatus, type FileNote } from '../store/queries.ts';
import { layOut, paint, printable, type Row } from '../terminal.ts';
import { toJson as fileToJson } from './files.ts';
import type { CommandIo } from '../io.ts';

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
 * @returns 0; with `check` 1 when the daemon is not alive or cannot work (a fault of the landing folder, the database or the loader)
 * @throws LandfallError when there is neither a daemon nor a database that can be read
 */
export function status(options: StatusOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const now = io.now();
  const alive = readAlive(settings.db);
  const illness = illnessOf(alive, now);
  const exitCode = options.check && illness !== null ? EXIT_FAILED : 0;
  if (options.check && !options.json) {
    io.stdout.write(`${illness ?? describeDaemon(alive, now)}\n`);
    return Promise.resolve(exitCode);
  }

  const feed = loadFeed(settings.feed);
  const database = lookInto(settings.db, feed, options.json ? null : FIRST);
  if (database instanceof LandfallError && !isAlive(alive, now)) throw database;
  const sizes = { bytes: sizeOf(settings.db), wal_bytes: sizeOf(`${settings.db}-wal`) };
  if (options.json) {
    const found = database instanceof LandfallError ? { problem: database.message } : forJson(database);
    const answer = {
      version: io.program.version,
      daemon: { alive: isAlive(alive, now), problem: illness, ...(alive ?? {}) },
      database: { path: settings.db, ...sizes, problem: null, ...found },
    };
    io.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return Promise.resolve(exitCode);
  }

  io.stdout.write(daemonText(alive, now, io));
  io.stdout.write(
    `Database  ${printable(settings.db)}, ${mib(sizes.bytes)}, write-ahead log ${mib(sizes.wal_bytes)}\n`,
  );
  if (isAlive(alive, now) && alive?.work.log.pinned === true) {
    io.stdout.write(
      paint(
        io.stdout,
        'yellow',
        '          a program that reads keeps the log from being emptied: it grows until that one leaves\n',
      ),
    );
  }
  io.stdout.write(
    database instanceof LandfallError ? `          ${printable(database.message)}\n` : databaseText(database, io),
  );
  return Promise.resolve(exitCode);
}

/** What the database says, or why it cannot be asked: the daemon may still be worth showing. */
function lookInto(file: string, feed: Feed, most: number | null): DatabaseStatus | LandfallError {
  try {
    const db = openForReading(file);
    try {
      return guardFaults('read database', file, () => {
        checkSetUp(db, file, feed);
        return readStatus(db, feed, most);
      });
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof LandfallError) return error;
    throw error;
  }
}

function forJson(database: DatabaseStatus): object {
  return { ...database, last_file: database.last_file === null ? null : fileToJson(database.last_file) };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** One file's fault, or one of the archive, keeps no other file out: only these do. */
function keepsFilesOut(fault: Fault): boolean {
  return fault.kind === 'landing' || fault.kind === 'database' || fault.kind === 'loader';
}

/** Why the daemon is not well, or null. */
function illnessOf(alive: Alive | null, now: Date): string | null {
  if (alive === null) return 'no daemon has run on this database';
  if (alive.work.doing === 'stopped') return `the daemon was stopped ${ago(alive.beat, now)}`;
  if (!isAlive(alive, now))
    return `the daemon has given no sign of life for ${formatDistanceStrict(new Date(alive.beat), now)}`;
  const fault = alive.work.faults.find(keepsFilesOut);
  return fault === undefined ? null : describeFault(fault, now);
}

function describeFault(fault: Fault, now: Date): string {
  const where = fault.file === null ? '' : ` ${printable(fault.file)}:`;
  return `${fault.kind}:${where} ${printable(fault.problem)}, since ${ago(fault.since, now)}`;
}

function ago(time: string, now: Date): string {
  return formatDistanceStrict(new Date(time), now, { addSuffix: true });
}

function describeDaemon(alive: Alive | null, now: Date): string {
  if (alive === null) return 'not running';
  const { doing, file, due, settling, held } = alive.work;
  const parts: string[] = [doing];
  if (file !== null) {
    parts.push(`${printable(file.name)}: ${file.phase}, ${percentRead(file)} %, ${file.rows} rows`);
  }
  if (due > 0) parts.push(`${due} due`);
  if (settling > 0) parts.push(`${settling} still being written`);
  if (held > 0) parts.push(`${held} waiting for a parent's file`);
  return `${parts.join(', ')} (process ${alive.pid}, last heard ${ago(alive.beat, now)})`;
}

function daemonText(alive: Alive | null, now: Date, io: CommandIo): string {
  const { stdout } = io;
  const illness = illnessOf(alive, now);
  const lines = [
    alive !== null && isAlive(alive, now)
      ? `Daemon    ${paint(stdout, illness === null ? 'green' : 'yellow', describeDaemon(alive, now))}`
      : `Daemon    ${paint(stdout, 'red', illness ?? 'not running')}`,
  ];
  if (alive !== null && isAlive(alive, now)) {
    for (const fault of alive.work.faults) lines.push(`  ${paint(stdout, 'red', describeFault(fault, now))}`);
  }
  return `${lines.join('\n')}\n`;
}

const NOTE_COLUMNS = {
  name: (note: FileNote) => note.name,
  rev: (note: FileNote) => note.revision,
  code: (note: FileNote) => note.reason_code,
  reason: (note: FileNote) => note.reason,
  'when (UTC)': (note: FileNote) => note.finished_at.slice(0, 19).replace('T', ' '),
};

function databaseText(database: DatabaseStatus, io: CommandIo): string {
  const { stdout } = io;
  const now = io.now();
  const last = database.last_file;
  const parts = [
    last === null
      ? 'No file yet\n'
      : `Last file ${printable(last.name)}, ${last.state} ${ago(last.finished_at, now)}\n`,
  ];
  const add = (title: string, headers: readonly string[], rows: readonly Row[]): void => {
    if (rows.length > 0) parts.push(`\n${paint(stdout, 'bold', title)}\n${layOut(stdout, headers, rows)}`);
  };
  add(
    'Datasets',
    ['dataset', 'rows', 'waiting', 'rejected', 'files', 'replaced', 'quarantined', 'late', 'checkpoint'],
    database.datasets.map((one) => [
      one.name,
      one.rows,
      one.rows_waiting,
      one.rows_rejected,
      one.files_ingested,
      one.files_replaced,
      one.files_quarantined,
      one.files_late,
      one.checkpoint ?? '',
    ]),
  );
  add(
    'Open rejects',
    ['dataset', 'code', 'rows'],
    database.rejects.map((one) => [one.dataset, one.code, one.rows]),
  );
  add(
    'Waiting',
    ['dataset', 'for a row of', 'rows'],
    database.waiting.map((one) => [one.dataset, one.parent_table, one.rows]),
  );
  const list = (title: string, notes: readonly FileNote[], columns: readonly (keyof typeof NOTE_COLUMNS)[]): void => {
    const more = notes.length === FIRST ? ` (the newest ${FIRST}; --json shows all)` : '';
    add(
      `${title}${more}`,
      columns,
      notes.map((note) => columns.map((column) => NOTE_COLUMNS[column](note))),
    );
  };
  list('Quarantined', database.quarantined, ['name', 'rev', 'code', 'reason', 'when (UTC)']);
  list('Not taken', database.not_taken, ['name', 'code', 'reason', 'when (UTC)']);
  list('Late', database.late, ['name', 'rev', 'when (UTC)']);
  list('Corrected', database.corrected, ['name', 'rev', 'when (UTC)']);
  return parts.join('');
}
