import { ago, span } from './ago.ts';
import { stepOf } from '../model/work.ts';
import type { Heartbeat } from '../status/heartbeat.ts';
import { problemOfFault, type DaemonHealth, type HealthProblem } from '../status/health.ts';
import type { DataStatus } from '../status/data-status.ts';
import type { StatusReport } from '../status/report.ts';
import type { Output } from '../system/io.ts';
import type { DatabaseStatus, FileNote, NoteList } from '../store/reader.ts';
import { counted } from '../output/counted.ts';
import { paint, printable, type Colour } from '../output/terminal.ts';
import { hang } from '../output/width.ts';
import { layOut, type Column, type Row } from '../output/table.ts';
import { warningsText } from '../model/warnings.ts';

/**
 * `status` for people.
 * @param isThere whether a name is still in the landing folder
 */
export function statusText(
  { daemon, database, data }: StatusReport,
  isThere: (name: string) => boolean,
  now: Date,
  stdout: Output,
): string {
  const lines = daemonLines(daemon, now, stdout);
  const wal = database.walBytes === 0 ? '' : `, write-ahead log ${size(database.walBytes)}`;
  // Of a server that does not answer, or of a file that is not there, no size is known.
  const room = database.status === null && database.bytes === 0 ? '' : `, ${size(database.bytes)}${wal}`;
  lines.push(labelled(stdout, 'Database  ', printable(database.path) + room));
  if (daemon.lives && daemon.heartbeat?.work.wal.pinned === true) {
    const pinned = 'a long-running reader keeps the log from being emptied: it grows until that program ends';
    lines.push(labelled(stdout, '          ', pinned, 'yellow'));
  }
  const below =
    database.status === null
      ? `${labelled(stdout, '          ', printable(database.problem))}\n`
      : databaseText(database.status, data, isThere, now, stdout);
  return `${lines.join('\n')}\n${below}`;
}
import { conditionRows, expectedRows } from './data-text.ts';
import { DAEMON_COLUMNS, daemonRows } from './daemons-text.ts';

/** Holds a number and its unit together while lines are broken. */
const NO_BREAK = '\u00a0';

/** A text behind its label; on a terminal in lines that fit, in a pipe in one. */
function labelled(stdout: Output, label: string, text: string, colour?: Colour): string {
  const held = text.replace(/(\d) (bytes|[KMG]iB)/g, `$1${NO_BREAK}$2`);
  const lines = stdout.isTTY ? hang(label, held, stdout.columns).slice(label.length).replaceAll(NO_BREAK, ' ') : text;
  return label + (colour === undefined ? lines : paint(stdout, colour, lines));
}

/** Whether the daemon is well, in a line. */
export function daemonLine({ heartbeat, problem }: DaemonHealth, now: Date): string {
  return problem === null ? describeDaemon(heartbeat, now) : describeProblem(problem, now);
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Bytes as people read them, e.g. `84 KiB` or `1.2 GiB`. */
function size(bytes: number): string {
  if (bytes < KIB) return `${bytes} bytes`;
  if (bytes < MIB) return `${Math.round(bytes / KIB)} KiB`;
  return bytes < GIB ? `${(bytes / MIB).toFixed(1)} MiB` : `${(bytes / GIB).toFixed(1)} GiB`;
}

function describeProblem({ text, since, ended }: HealthProblem, now: Date): string {
  if (since === null) return printable(text);
  if (ended === 'stopped') return `stopped ${ago(since, now)}`;
  if (ended === 'died')
    return `died (killed or crashed), last seen ${ago(since, now)}: start it again, the file in hand is read anew`;
  return `${printable(text)} (for ${span(since, now)})`;
}

function describeDaemon(heartbeat: Heartbeat | null, now: Date): string {
  if (heartbeat === null) return 'not running';
  const { doing, file, due, settling, awaitingParent } = heartbeat.work;
  const waits = doing === 'waiting' && settling > 0;
  const parts: string[] = [waits ? `waiting for ${counted(settling, 'file')} to settle` : doing];
  if (file !== null) {
    parts.push(`${printable(file.name)}: ${stepOf(file)}, ${counted(file.rows, 'row')}`);
  }
  if (due > 0) parts.push(`${due} due`);
  if (settling > 0 && !waits) parts.push(`${counted(settling, 'file')} not settled yet`);
  if (awaitingParent > 0) parts.push(`${awaitingParent} waiting for a parent's file`);
  return `${parts.join(', ')} (process ${heartbeat.pid}, last heard ${ago(heartbeat.beat, now)})`;
}

const DAEMON = 'Daemon    ';

function daemonLines(daemon: DaemonHealth, now: Date, stdout: Output): string[] {
  const { heartbeat, lives, problem } = daemon;
  if (heartbeat === null || !lives) return [labelled(stdout, DAEMON, daemonLine(daemon, now), 'red')];
  const colour = problem === null ? 'green' : 'yellow';
  const faults = heartbeat.work.faults.map((fault) => describeProblem(problemOfFault(fault), now));
  return [
    labelled(stdout, DAEMON, describeDaemon(heartbeat, now), colour),
    ...faults.map((fault) => labelled(stdout, '  ', fault, 'red')),
  ];
}

const NOTE_COLUMNS = {
  name: { header: 'name', of: (note: FileNote) => note.name },
  rev: { header: 'rev', spare: 2, of: (note: FileNote) => note.revision },
  code: { header: 'code', of: (note: FileNote) => note.reason_code },
  reason: { header: 'reason', prose: true, of: (note: FileNote) => note.reason },
  warnings: { header: 'warnings', prose: true, of: (note: FileNote) => warningsText(note.warnings) },
  when: { header: 'when (UTC)', spare: 1, of: (note: FileNote) => note.finished_at.slice(0, 19).replace('T', ' ') },
} as const;

function databaseText(
  database: DatabaseStatus,
  data: DataStatus | null,
  isThere: (name: string) => boolean,
  now: Date,
  stdout: Output,
): string {
  const last = database.last_file;
  const parts = [
    last === null
      ? 'No file yet\n'
      : `${labelled(stdout, 'Last file ', `${last.state} ${ago(last.finished_at, now)}: ${printable(last.name)}`)}\n`,
  ];
  const add = (title: string, columns: readonly Column[], rows: readonly Row[]): void => {
    if (rows.length > 0) parts.push(`\n${paint(stdout, 'bold', title)}\n${layOut(stdout, columns, rows)}`);
  };
  const list = (title: string, { files, newest }: NoteList, columns: readonly (keyof typeof NOTE_COLUMNS)[]): void => {
    const more = newest.length < files ? ` (the newest ${newest.length} of ${files}; --json shows all)` : '';
    add(
      `${title}${more}`,
      columns.map((column) => NOTE_COLUMNS[column]),
      newest.map((note) => columns.map((column) => NOTE_COLUMNS[column].of(note))),
    );
  };
  add('Daemons', DAEMON_COLUMNS, daemonRows(database.daemons, now));
  // These need someone.
  if (data !== null)
    add('Overdue, incomplete, out of line', ['what', { header: 'details', prose: true }], conditionRows(data));
  const { files, newest } = database.quarantined;
  const quarantined = newest.map((note) =>
    isThere(note.name) ? note : { ...note, reason: `${note.reason ?? ''} (not in the landing folder)` },
  );
  list('Quarantined', { files, newest: quarantined }, ['name', 'rev', 'code', 'reason', 'when']);
  list('Not taken', database.not_taken, ['name', 'code', 'reason', 'when']);
  add(
    'Datasets',
    [
      'dataset',
      'rows',
      'waiting',
      'rejected',
      { header: 'files', spare: 2 },
      { header: 'replaced', spare: 3 },
      { header: 'quarantined', spare: 1 },
      { header: 'late', spare: 2 },
      'checkpoint',
    ],
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
  if (data !== null) add('Expected', ['dataset', 'every', 'last in', 'next due (UTC)'], expectedRows(data));
  add(
    'Open rejects',
    ['dataset', 'code', 'rows'],
    // What waits stands below.
    database.rejects.filter(({ code }) => code !== 'missing_parent').map((one) => [one.dataset, one.code, one.rows]),
  );
  add(
    'Waiting',
    ['parent table', 'missing parents', 'waiting rows'],
    database.waiting.map((one) => [one.parent_table, one.parents, one.rows]),
  );
  list('With warnings', database.warned, ['name', 'rev', 'warnings', 'when']);
  list('Late', database.late, ['name', 'rev', 'when']);
  list('Corrected', database.corrected, ['name', 'rev', 'when']);
  return parts.join('');
}
