import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { reportError } from './error-report.ts';
import type { Output } from './io.ts';
import type { Settings } from './settings.ts';
import { printable } from './terminal.ts';

export type { Logger } from 'pino';

const INFO = 30;
/** Syslog priorities of pino's levels, trace to fatal, as journald reads them from `<N>` before a line (sd-daemon(3)). */
const PRIORITIES: Readonly<Record<number, number>> = { 10: 7, 20: 7, [INFO]: 6, 40: 4, 50: 3, 60: 2 };

/**
 * Makes the log: JSON lines with `level`, `time` (ISO 8601, UTC), `pid`, `msg`; pretty lines on a terminal.
 * Under journald each line has its priority before it, which journald takes off again, so that what it stores is the JSON.
 *
 * Lines are written at once, so none is lost when the process ends. Errors go under `err` and keep P8, see error-report.ts.
 *
 * @param stdout where to; its streams to pipes, files and terminals are synchronous
 */
export function createLog(settings: Pick<Settings, 'logLevel' | 'logFormat'>, stdout: Output, pid: number): Logger {
  const pretty = settings.logFormat === 'pretty' || (settings.logFormat === 'auto' && stdout.isTTY);
  return pino(
    {
      level: settings.logLevel,
      base: { pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => reportError(error) },
      hooks: {
        // Without a message of ours pino takes the error's, which may quote a row.
        logMethod(args, method) {
          const [first, message]: readonly unknown[] = args;
          const fields = first instanceof Error ? { err: first } : first;
          if (!holdsError(fields) || message !== undefined) {
            method.apply(this, args);
            return;
          }
          const report = reportError(fields.err);
          method.apply(this, [fields, report.message ?? `unexpected ${report.type}`]);
        },
      },
    },
    pretty ? prettyLines(stdout) : jsonLines(stdout),
  );
}

function holdsError(fields: unknown): fields is { err: Error } {
  return typeof fields === 'object' && fields !== null && 'err' in fields && fields.err instanceof Error;
}

function jsonLines(stdout: Output): DestinationStream {
  if (!stdout.journal) return { write: stdout.write };
  // pino sets lastLevel before each line of a stream that asks for it by this symbol.
  const stream = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: INFO,
    write(line: string): void {
      stdout.write(`<${PRIORITIES[stream.lastLevel] ?? PRIORITIES[INFO]}>${line}`);
    },
  };
  return stream;
}

function prettyLines(stdout: Output): DestinationStream {
  const prettify = prettyFactory({
    colorize: stdout.colour,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid',
    singleLine: true,
  });
  return {
    write(line) {
      // pino-pretty prints texts as they are; the JSON it is given has none that could move the cursor.
      const record: unknown = JSON.parse(line, (_, value: unknown) =>
        typeof value === 'string' ? printable(value) : value,
      );
      stdout.write(prettify(record));
    },
  };
}
