import { pino, stdTimeFunctions, type DestinationStream, type Level, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Output } from './io.ts';
import { reportError } from './error-report.ts';
import type { Settings } from './settings.ts';
import { printable } from './terminal.ts';

export type { Logger } from 'pino';

/** Syslog priorities, as journald reads them from `<N>` before a line (sd-daemon(3)). */
const PRIORITIES: Record<Level, number> = { trace: 7, debug: 7, info: 6, warn: 4, error: 3, fatal: 2 };

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
          const [first, message] = args as unknown[];
          const error = first instanceof Error ? first : errorIn(first);
          if (error === undefined || message !== undefined) {
            method.apply(this, args);
            return;
          }
          const report = reportError(error);
          const fields = first instanceof Error ? { err: error } : (first as object);
          method.apply(this, [fields, report.message ?? `unexpected ${report.type}`]);
        },
      },
    },
    pretty ? prettyLines(stdout) : jsonLines(stdout),
  );
}

function errorIn(fields: unknown): Error | undefined {
  if (typeof fields !== 'object' || fields === null || !('err' in fields)) return undefined;
  return fields.err instanceof Error ? fields.err : undefined;
}

function jsonLines(stdout: Output): DestinationStream {
  if (!stdout.journal) return { write: stdout.write };
  // pino sets lastLevel before each line of a stream that asks for it by this symbol.
  const stream = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 30,
    write(line: string): void {
      const level = pino.levels.labels[stream.lastLevel] as Level;
      stdout.write(`<${PRIORITIES[level]}>${line}`);
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
