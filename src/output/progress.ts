import { stepOf, type Work } from '../model/work.ts';
import type { Output } from '../system/io.ts';
import { counted, grouped } from './counted.ts';
import { CLEAR_LINE, printable } from './terminal.ts';
import { hang, widthOf, wrap } from './width.ts';

/** Shows on a terminal how far a run is, in a line that stays below the log; in a pipe it shows nothing. */
export interface Progress {
  readonly show: (work: Work) => void;
  /** Where log lines go meanwhile: above the bar. */
  readonly output: Output;
  /** Standard error, which may be the same terminal: what it is given stands above the bar as well. */
  readonly errors: (stderr: Output) => Output;
  readonly end: () => void;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** The bar is drawn anew at most this often, in ms. */
const DRAW_GAP_MS = 100;
/** The bar leaves room for the name of the file. */
const MOST_COLUMNS = 24;
const FEWEST_COLUMNS = 8;

/**
 * @param terminal standard output
 * @param monotonic ms
 */
export function createProgress(terminal: Output, monotonic: () => number): Progress {
  if (!terminal.isTTY)
    return { show: () => undefined, output: terminal, errors: (stderr) => stderr, end: () => undefined };
  /** What stands on the last line; null: no bar. */
  let line: string | null = null;
  let drawnAt = -Infinity;
  let ended = false;

  function draw(now: number): void {
    // A bar that comes late is worth nothing.
    if (line === null || terminal.lossy?.isBehind() === true) return;
    drawnAt = now;
    terminal.write(CLEAR_LINE + line);
  }

  return {
    show(work) {
      if (ended || (line === null && work.due === 0)) return;
      if (line === null) terminal.write(HIDE_CURSOR);
      line = barOf(work, terminal.columns);
      const now = monotonic();
      if (now - drawnAt >= DRAW_GAP_MS) draw(now);
    },
    output: {
      ...terminal,
      write(text) {
        terminal.write(line === null ? text : CLEAR_LINE + text);
        draw(monotonic());
      },
    },
    errors: (stderr) => ({
      ...stderr,
      write(text, taken) {
        if (line !== null) terminal.write(CLEAR_LINE);
        stderr.write(text, taken);
        draw(monotonic());
      },
    }),
    end() {
      if (line !== null) terminal.write(CLEAR_LINE + SHOW_CURSOR);
      line = null;
      ended = true;
    },
  };
}

/** No line of a summary is longer. */
const SUMMARY_COLUMNS = 80;

/** What stands in the database that needs someone. */
export type Open = Pick<Work['taken'], 'quarantined' | 'rejectedRows' | 'waiting'>;

/**
 * What a run has come to: files, rows by outcome, what needs a look and how to have it, how long it took.
 * @param ms wall time
 * @param open what earlier runs have left, where this one has left nothing
 * @param given flags for the commands that it names, so that they are about the same: ` --db other.sqlite`
 */
export function summaryOf({ taken }: Work, ms: number, open: Open | null, given: string): string {
  const { files, quarantined, rows, inserted, updated, unchanged, stale, waiting, rejectedRows } = taken;
  const outcomes = Object.entries({ inserted, updated, unchanged, stale, rejected: rejectedRows, waiting })
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${grouped(count)} ${outcome}`);
  const read = `${grouped(rows)} read${outcomes.length === 0 ? '' : ': '}${outcomes.join(', ')}`;
  return [
    `Files    ${grouped(files)} taken, ${grouped(quarantined)} quarantined`,
    hang('Rows     ', read, SUMMARY_COLUMNS),
    `Look at  ${lookAt(taken, open, given).join('\n         ')}`,
    `Took     ${ms < 10_000 ? (ms / 1000).toFixed(1) : grouped(Math.round(ms / 1000))} s`,
    '',
  ].join('\n');
}

/** What of this run needs someone; where nothing does, what earlier runs have left. */
function lookAt(taken: Open, open: Open | null, given: string): readonly string[] {
  const now = causesOf(taken, given);
  if (now.length > 0) return now;
  const before = open === null ? [] : causesOf(open, given);
  return before.length === 0 ? ['nothing'] : ['nothing new; from earlier runs:', ...before];
}

/** Whether a run has left something that needs someone. */
export function leavesOpen({ taken }: Work): boolean {
  return causesOf(taken, '').length > 0;
}

/** What needs someone, a cause a line, each with the command that shows it. */
function causesOf({ quarantined, rejectedRows, waiting }: Open, given: string): readonly string[] {
  const causes = [
    { count: quarantined, words: 'quarantined file', command: 'landfall status' },
    { count: rejectedRows, words: 'rejected row', command: 'landfall rejects' },
    { count: waiting, words: 'waiting row', command: 'landfall rejects' },
  ]
    .filter(({ count }) => count > 0)
    .map(({ count, words, command }) => ({ cause: counted(count, words), command }));
  const width = Math.max(...causes.map(({ cause }) => cause.length));
  return causes.map(({ cause, command }) => `${cause.padEnd(width)}   ${command}${printable(given)}`);
}

/** `█████░░░░░ 3/14 files  loading 40 %  NAME`, in one line: a terminal would wrap a longer one. */
function barOf({ taken, due, file }: Work, columns: number): string {
  const total = taken.files + due;
  const step = file === null ? '' : `  ${stepOf(file)}  `;
  const text = ` ${taken.files}/${total} files${step}`;
  const room = columns - 1;
  const name = file === null ? '' : endOf(printable(file.name), room - FEWEST_COLUMNS - widthOf(text));
  const width = Math.min(MOST_COLUMNS, Math.max(FEWEST_COLUMNS, room - widthOf(text + name)));
  const full = total === 0 ? 0 : Math.floor((taken.files / total) * width);
  const [line = ''] = wrap('█'.repeat(full) + '░'.repeat(width - full) + text + name, room);
  return line;
}

/** A name in so many columns: its end, where dataset and stamp stand, says more than its beginning. */
function endOf(name: string, columns: number): string {
  if (widthOf(name) <= columns) return name;
  const letters = Array.from(name);
  while (letters.length > 0 && widthOf(letters.join('')) > columns - 1) letters.shift();
  return `…${letters.join('')}`;
}
