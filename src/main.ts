import { fstatSync, readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { config } from 'zod';
import { runCommandLine } from './command-line.ts';
import { describeError } from './output/error-report.ts';
import { LandfallError } from './model/errors.ts';
import { EXIT_FAILED } from './model/exit-codes.ts';
import { isUnderNohup } from './system/hangup.ts';
import type { CommandIo, Output, Parent } from './system/io.ts';
import { createNonBlockingWriter, type NonBlockingWriter } from './system/non-blocking-writer.ts';
import { systemCode } from './system/system-error.ts';
import { printable } from './output/terminal.ts';
import { fitted } from './output/width.ts';
import type { CommandKind } from './verbs/verbs.ts';

/** How long whatever a command has left open may keep the process, and an output that takes nothing, in ms. */
const LINGER_MS = 1000;

// Owner and one group may read what is made here, nobody else, whatever the caller's umask.
process.umask(0o007);

// What is checked at the edges is checked a few times in a process: Zod would take longer to compile it first. It heeds this for what is made later.
config({ jitless: true });

let kind: CommandKind = 'short';
const stop = new AbortController();
const leave = new AbortController();
const script = fileURLToPath(import.meta.url);
const root = dirname(dirname(script));

/** The writers of a command whose output is not waited for: those of standard output and standard error. */
let writers: readonly NonBlockingWriter[] = [];
let io: CommandIo = {
  stdout: output(process.stdout, 1),
  stderr: output(process.stderr, 2),
  env: { ...process.env },
  cwd: process.cwd(),
  now: () => new Date(),
  program: {
    version: version(),
    root,
    command: [process.execPath, ...process.execArgv, script],
    pid: process.pid,
  },
  stop: stop.signal,
  leave: leave.signal,
  parent: parent(),
};

// Node would open a debugger to whoever may use a port of this machine, and show it rows.
process.on('SIGUSR1', ignore);
// Node would print the message, which may quote a row.
process.on('uncaughtException', (error) => {
  fail(error);
  leave.abort();
  process.exit(1);
});
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    // One that runs long goes on when nobody reads what it writes.
    if (kind === 'unattended' || kind === 'child') return;
    const code = systemCode(error);
    // A reader of the output that goes away (`| head`) is no error; a full disk is.
    if (code === 'EPIPE') process.exit();
    if (stream === process.stdout)
      fail(new LandfallError('write', `it could not be written (${code ?? 'unknown'})`, { file: 'standard output' }));
    process.exit(EXIT_FAILED);
  });
}

try {
  process.exitCode = await runCommandLine(process.argv.slice(2), { open });
} catch (error) {
  fail(error);
  process.exitCode = error instanceof LandfallError ? error.exitCode : EXIT_FAILED;
}
await Promise.all(writers.map((writer) => writer.drain(LINGER_MS, stop.signal)));
if (process.connected) process.disconnect();
// A pipe takes what is written as fast as its reader: what it has not taken yet would be lost.
setTimeout(() => {
  if (writers.length > 0) process.exit();
  else process.stdout.write('', () => process.exit());
}, LINGER_MS).unref();

function open(asked: CommandKind): CommandIo {
  kind = asked;
  if (kind === 'unattended') {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, heed);
    process.on('SIGHUP', isUnderNohup(process.env) ? ignore : hangUp);
  }
  // The terminal and systemd signal the whole group: the parent decides what becomes of its child.
  if (kind === 'child') for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, ignore);
  if (kind === 'steady') {
    // A pipe or a file gets all of it, and a disk that is full is told.
    const [stdout, stderr] = [io.stdout.isTTY ? createNonBlockingWriter(1) : null, createNonBlockingWriter(2)];
    writers = stdout === null ? [stderr] : [stdout, stderr];
    io = { ...io, stdout: stdout === null ? io.stdout : lossy(io.stdout, stdout), stderr: lossy(io.stderr, stderr) };
  }
  if (kind === 'unattended' || kind === 'child') {
    const [stdout, stderr] = [createNonBlockingWriter(1), createNonBlockingWriter(2)];
    writers = [stdout, stderr];
    io = { ...io, stdout: lossy(io.stdout, stdout), stderr: lossy(io.stderr, stderr) };
  }
  return io;
}

/** A signal that nothing listens to would end the process. */
function ignore(): void {
  // Nothing to do.
}

/** A closing terminal may say so twice, by the shell and by the system: the second time is no order to leave at once. */
function hangUp(): void {
  stop.abort();
}

function heed(_name: NodeJS.Signals, number: number): void {
  if (stop.signal.aborted) {
    leave.abort();
    process.exit(128 + number);
  }
  stop.abort();
}

function fail(error: unknown): void {
  // Lines of a list are indented; any other line break is part of a name.
  const lines = `landfall: ${describeError(error)}`.split(/\n(?= {2})/).map((line) => printable(line));
  io.stderr.write(`${lines.map((line) => fitted(io.stderr, line)).join('\n')}\n`);
}

function output(stream: NodeJS.WriteStream, descriptor: number): Output {
  const isTTY = isatty(descriptor);
  return {
    write: stream instanceof Socket ? (text, taken) => void stream.write(text, taken) : toFile(stream, descriptor),
    isTTY,
    // A terminal that nobody has told its size says 0.
    get columns() {
      return isTTY && stream.columns > 0 ? stream.columns : 80;
    },
    colour: isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb',
    journal: isJournal(descriptor),
    lossy: null,
  };
}

function lossy(output: Output, writer: NonBlockingWriter): Output {
  return {
    ...output,
    // Not copied: a terminal may be resized.
    get columns() {
      return output.columns;
    },
    write: (text, taken) => {
      writer.write(text);
      taken?.();
    },
    lossy: { isBehind: writer.isBehind, onDropped: writer.onDropped },
  };
}

/** Node's own stream to a file drops the rest of what a disk that fills up has taken in part, and says nothing. */
function toFile(stream: NodeJS.WriteStream, descriptor: number): Output['write'] {
  return (text, taken) => {
    try {
      writeFileSync(descriptor, text);
      taken?.();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      taken?.(error);
      stream.emit('error', error);
    }
  };
}

/** JOURNAL_STREAM names the device and inode that journald reads; the stream may have been redirected since (systemd.exec(5)). */
function isJournal(descriptor: number): boolean {
  const named = process.env['JOURNAL_STREAM'];
  if (named === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor);
    return named === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function parent(): Parent | null {
  if (process.send === undefined) return null;
  return {
    send: (message) => {
      // A parent that has gone is told to onGone, not here.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    onMessage: (listener) => process.on('message', listener),
    onGone: (listener) => {
      if (process.connected) process.once('disconnect', listener);
      else listener();
    },
  };
}

function version(): string {
  const text = readFileSync(`${root}/package.json`, 'utf8');
  const content: unknown = JSON.parse(text);
  const found = typeof content === 'object' && content !== null && 'version' in content ? content.version : undefined;
  return typeof found === 'string' ? found : 'unknown';
}
