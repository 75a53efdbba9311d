import { percentRead, type Work } from '../model/work.ts';
import type { Output } from '../system/io.ts';
import { counted } from './counted.ts';
import { printable } from './terminal.ts';
import { widthOf, wrap } from './width.ts';

/** Shows on a terminal how far a run is, in a line that stays below the log; in a pipe it shows nothing. */
export interface Progress {
  readonly show: (work: Work) => void;
  /** Where log lines go meanwhile: above the bar. */
  readonly output: Output;
  readonly end: () => void;
}

const CLEAR_LINE = '\r\u001b[K';
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
  if (!terminal.isTTY) return { show: () => undefined, output: terminal, end: () => undefined };
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
    end() {
      if (line !== null) terminal.write(CLEAR_LINE + SHOW_CURSOR);
      line = null;
      ended = true;
    },
  };
}

/** What a run has come to, in four lines: files, rows by outcome, what needs a look, how long it took. @param ms wall time */
export function summaryOf({ taken }: Work, ms: number): string {
  const { files, quarantined, rows, inserted, updated, unchanged, stale, waiting, rejectedRows } = taken;
  const outcomes = [
    `${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${stale} stale`,
    `${rejectedRows} rejected, ${waiting} waiting`,
  ];
  const look = [
    ...(quarantined > 0 ? [`${counted(quarantined, 'file')} quarantined (landfall status)`] : []),
    ...(rejectedRows + waiting > 0 ? ['rows rejected or waiting (landfall rejects)'] : []),
  ];
  return [
    `Files    ${files} taken, ${quarantined} quarantined`,
    `Rows     ${rows} read: ${outcomes.join(', ')}`,
    `Look at  ${look.length === 0 ? 'nothing' : look.join(', ')}`,
    `Took     ${ms < 10_000 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`,
    '',
  ].join('\n');
}

/** `█████░░░░░ 3/14 files  NAME 40 %`, in one line: a terminal would wrap a longer one. */
function barOf({ taken, due, file }: Work, columns: number): string {
  const total = taken.files + due;
  const inHand = file === null ? '' : `  ${printable(file.name)} ${percentRead(file)} %`;
  const text = ` ${taken.files}/${total} files${inHand}`;
  const room = columns - 1;
  const width = Math.min(MOST_COLUMNS, Math.max(FEWEST_COLUMNS, room - widthOf(text)));
  const full = total === 0 ? 0 : Math.round((taken.files / total) * width);
  const [line = ''] = wrap('█'.repeat(full) + '░'.repeat(width - full) + text, room);
  return line;
}
