import { describeReport, type ErrorReport } from './error-report.ts';
import { wrap, widthOf } from './width.ts';

/** What pino-pretty puts before the text, at its longest: `[22:41:03] ERROR: `. */
const HEAD_COLUMNS = 18;
const INDENT = '    ';
/** Lines are at least so wide. */
const NARROWEST = 20;

/** What stands elsewhere in the line. */
const TOLD: readonly string[] = ['level', 'time', 'pid', 'msg', 'file', 'err'];

/**
 * A record of the log as a person reads it: the message and the file, then what else it says as `name=value`. What is zero, empty
 * or false is left out, as is what the message says already.
 * @param record of printable texts
 * @param columns of the terminal: what does not fit stands indented below; null: a line is never broken
 */
export function logText(record: Readonly<Record<string, unknown>>, columns: number | null): string {
  const { msg, file, err } = record;
  const message = typeof msg === 'string' ? msg : '';
  const name = typeof file === 'string' && !message.includes(file) ? file : '';
  const details = detailsOf(record, message).join(' ');
  const parts = [message, name, details];
  const lines = columns === null ? [joined(parts)] : broken(parts, columns);
  return [...lines, ...problemOf(err, message)].join(`\n${INDENT}`);
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

/** All in one line where that fits, else the message, beside it the file where that fits, and the rest below. */
function broken(parts: readonly string[], columns: number): string[] {
  const room = Math.max(columns - HEAD_COLUMNS, NARROWEST);
  const below = Math.max(columns - INDENT.length, NARROWEST);
  if (widthOf(joined(parts)) <= room) return [joined(parts)];
  const [message = '', name = '', details = ''] = parts;
  // The head is one column shorter but for errors, which name their file in the message.
  const both = joined([message, name]);
  if (widthOf(both) <= room + 1) return [both, ...wrap(details, below)];
  // A name is never broken here: it would not be copied whole.
  return [...wrap(message, room), ...(name === '' ? [] : [name]), ...wrap(details, below)];
}

function detailsOf(record: object, message: string): string[] {
  return Object.entries(record).flatMap(([key, value]: [string, unknown]): string[] => {
    if (TOLD.includes(key) || isNothing(value)) return [];
    if (Array.isArray(value)) return [`${key}=${value.join(',')}`];
    if (typeof value === 'object' && value !== null) return detailsOf(value, message);
    const text = String(value);
    if (typeof value === 'string' && message.includes(text)) return [];
    return [`${key}=${text.includes(' ') ? JSON.stringify(text) : text}`];
  });
}

function isNothing(value: unknown): boolean {
  return (
    value === null || value === 0 || value === false || value === '' || (Array.isArray(value) && value.length === 0)
  );
}

/** An error in lines: nothing where the message says it, else what it is, and its stack. */
function problemOf(err: unknown, message: string): string[] {
  if (typeof err !== 'object' || err === null || !('type' in err)) return [];
  // What createLog made of an error: see error-report.ts.
  return describeReport(err as ErrorReport)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !message.includes(line));
}
