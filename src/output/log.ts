import { levels, pino, stdTimeFunctions, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { reportError } from './error-report.ts';
import type { Output } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { logText } from './log-text.ts';
import { printable, printableJson } from './terminal.ts';

export type { Logger } from 'pino';

const INFO = 30;
type LogSettings = Pick<Settings, 'logLevel' | 'logFormat'>;

/** Syslog priorities of pino's levels, trace to fatal, as journald reads them from `<N>` before a line (sd-daemon(3)). */
const PRIORITIES: Readonly<Record<number, number>> = { 10: 7, 20: 7, [INFO]: 6, 40: 4, 50: 3, 60: 2 };

/**
 * Makes the log: JSON lines with `level`, `time` (ISO 8601, UTC), `pid`, `msg`; pretty lines on a terminal.
 * Under journald each line has its priority before it, which journald takes off again, so that what it stores is the JSON.
 *
 * Lines are written at once, so none is lost when the process ends. Errors go under `err` and keep P8, see error-report.ts.
 * Where the output drops lines, the log says how many once it flows again.
 */
export function createLog(settings: LogSettings, stdout: Output, pid: number): Logger {
  const format = formatFor(settings, stdout);
  const stream = {
    // pino sets lastLevel before each line of a stream that asks for it by this symbol.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: INFO,
    write(line: string): void {
      stdout.write(format(line, stream.lastLevel));
    },
  };
  const logger = pino(
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
    stream,
  );
  stdout.lossy?.onDropped((lines) => {
    logger.warn({ lines }, 'lines of this log were dropped: the output took none');
  });
  return logger;
}

/**
 * Passes on the log of another process, of which `createLog` made JSON lines, in the form of this one's.
 * @returns takes a line, without its end; one that is no record is passed on as it is
 */
export function createRelay(settings: LogSettings, stdout: Output): (line: string) => void {
  const format = formatFor(settings, stdout);
  return (line) => {
    const level = levelOf(line);
    stdout.write(level === null ? `${printable(line)}\n` : format(`${line}\n`, level));
  };
}

function levelOf(line: string): number | null {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record !== 'object' || record === null || !('level' in record)) return null;
    return levels.values[String(record.level)] ?? null;
  } catch {
    return null;
  }
}

function holdsError(fields: unknown): fields is { err: Error } {
  return typeof fields === 'object' && fields !== null && 'err' in fields && fields.err instanceof Error;
}

/** Makes what is written of a JSON line, which ends with a line break, and its level. */
type Format = (line: string, level: number) => string;

function formatFor({ logFormat }: LogSettings, stdout: Output): Format {
  if (logFormat === 'pretty' || (logFormat === 'auto' && stdout.isTTY)) return prettyFormat(stdout);
  if (!stdout.journal) return printableJson;
  return (line, level) => `<${PRIORITIES[level] ?? PRIORITIES[INFO]}>${printableJson(line)}`;
}

function prettyFormat(stdout: Output): Format {
  const prettify = prettyFactory({
    colorize: stdout.colour,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid',
    hideObject: true,
    messageFormat: (record) => logText(record, stdout.isTTY ? stdout.columns : null),
  });
  return (line) => {
    // pino-pretty prints texts as they are; the JSON it is given has none that could move the cursor.
    const record: unknown = JSON.parse(line, (_, value: unknown) =>
      typeof value === 'string' ? printable(value) : value,
    );
    return prettify(record);
  };
}
