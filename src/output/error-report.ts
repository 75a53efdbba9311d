import { FileChanged, FileRefused, LandfallError } from '../model/errors.ts';
import type { Output } from '../system/io.ts';
import { printable } from './terminal.ts';
import { fitted } from './width.ts';

/** An error as it may be shown: with its message only where that is known to hold no value from a row (P8). */
export interface ErrorReport {
  /** The error's class. */
  readonly type: string;
  readonly message?: string;
  /** What was tried, e.g. `open database`. */
  readonly operation?: string;
  /** A code as Node and SQLite give it, e.g. `ENOENT`. */
  readonly code?: string;
  /** The stack, one frame an entry, without the message. */
  readonly frames?: readonly string[];
  readonly cause?: ErrorReport;
}

/** Causes are followed so deep. */
const DEEPEST = 4;

const FRAME = /^ {4}at [^\n]+$/;
const CODE = /^[A-Z][A-Z0-9_]{1,60}$/;
const CLASS = /^[A-Za-z_$][\w$]{0,60}$/;

/**
 * Describes anything thrown. Our own errors keep their message. Of any other the class, the code and the stack frames are
 * told and never the message: it may quote what was being read.
 */
export function reportError(error: unknown, depth = 0): ErrorReport {
  if (!(error instanceof Error)) return { type: typeof error };
  const cause = error.cause !== undefined && depth < DEEPEST ? { cause: reportError(error.cause, depth + 1) } : {};
  const type = CLASS.test(error.constructor.name) ? error.constructor.name : 'Error';
  const tried = error instanceof LandfallError ? { operation: error.operation } : {};
  if (isOurs(error)) return { type, message: error.message, ...tried, ...cause };
  const code = 'code' in error && typeof error.code === 'string' && CODE.test(error.code) ? { code: error.code } : {};
  return { type, ...code, frames: framesOf(error), ...cause };
}

/** The report as text: one line, and under it a line a frame. Causes of our own errors are left out: the message says enough. */
export function describeError(error: unknown): string {
  return describeReport(reportError(error));
}

/** As `describeError`, of what was reported. */
export function describeReport(report: ErrorReport): string {
  if (report.message !== undefined) return report.message;
  const lines = [`unexpected ${nameOf(report)}`, ...(report.frames ?? [])];
  for (let cause = report.cause; cause !== undefined; cause = cause.cause) {
    lines.push(`caused by ${cause.message ?? nameOf(cause)}`, ...(cause.frames ?? []));
  }
  return lines.join('\n    ');
}

function nameOf(report: ErrorReport): string {
  return report.code === undefined ? report.type : `${report.type} ${report.code}`;
}

function isOurs(error: Error): boolean {
  return error instanceof LandfallError || error instanceof FileRefused || error instanceof FileChanged;
}

/** The stack begins with the message, which may have lines that look like frames: only what stands after it is taken. */
function framesOf(error: Error): string[] {
  const stack = error.stack ?? '';
  const at = error.message === '' ? -1 : stack.indexOf(error.message);
  const lines = (at < 0 ? stack : stack.slice(at + error.message.length)).split('\n');
  const frames: string[] = [];
  for (const line of lines.reverse()) {
    if (!FRAME.test(line)) break;
    frames.unshift(line.trim());
  }
  return frames;
}

/** Writes an error in the arguments, as commander words it: it quotes what was typed, and may add a line that begins as here. */
export function writeUsageError(output: Output, message: string): void {
  const [said = '', ...hints] = message.trimEnd().split(/\n(?=\(Did you mean )/);
  output.write([said, ...hints, ''].map((line) => fitted(output, printable(line))).join('\n'));
}
