import { once } from 'node:events';
import { createWriteStream, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LandfallError } from '../model/errors.ts';
import type { Output } from '../system/io.ts';
import { systemCode } from '../system/system-error.ts';

/** What is gathered before it is written, in characters. */
const BLOCK = 16 * 1024;

/** A text in pieces, as they come. */
export type Pieces = Iterable<string> | AsyncIterable<string>;

/** Where a command writes much: it waits while its reader is slower, and stops when that goes away. */
export interface Sink {
  /** @throws LandfallError when the output fails, for another reason than that its reader has gone */
  send(text: string): Promise<void>;
  /** The reader has gone away: there is nothing left to do. */
  gone(): boolean;
  /** Waits until all is written. @throws LandfallError as `send` */
  close(): Promise<void>;
}

/** Writes a text as its pieces come, and takes no more of them than the sink does; ends early when the reader goes away. */
export async function sendPieces(sink: Sink, pieces: Pieces): Promise<void> {
  let block = '';
  for await (const piece of pieces) {
    block += piece;
    if (block.length < BLOCK) continue;
    await sink.send(block);
    if (sink.gone()) return;
    block = '';
  }
  await sink.send(block);
}

/** Writes a text to an output as its pieces come. @throws LandfallError when the output fails, but not when its reader goes away */
export async function writePieces(output: Output, pieces: Pieces): Promise<void> {
  const sink = outputSink(output);
  await sendPieces(sink, pieces);
  await sink.close();
}

/** A sink that is the process's standard output. */
export function outputSink(output: Output): Sink {
  return openSink(asStream(output), 'standard output');
}

/** A file that is written in one go. */
export interface FileSink extends Sink {
  /** Says that all was sent: the file gets its name when it is closed. */
  finish(): void;
}

/**
 * A sink that is a new file, which its owner alone may read. Until all of it is written it is called `.part`: what a signal cuts off
 * is not taken for the whole. Nothing is overwritten.
 */
export function openFileSink(path: string): FileSink {
  const part = `${path}.part`;
  rmSync(part, { force: true });
  const stream = createWriteStream(part, { flags: 'wx', mode: 0o600 });
  const sink = openSink(stream, path);
  let whole = false;
  return {
    ...sink,
    finish() {
      whole = true;
    },
    async close() {
      stream.end();
      // The failure, if any, is kept by the sink.
      if (!stream.closed) await once(stream, 'close').catch(() => undefined);
      await sink.close();
      if (whole) giveName(part, path);
      else rmSync(part, { force: true });
    },
  };
}

/** Unlike a rename, a link overwrites nothing; but some file systems have none. */
function giveName(part: string, path: string): void {
  try {
    linkSync(part, path);
    rmSync(part);
  } catch (error) {
    if (systemCode(error) === 'EEXIST' || existsSync(path)) throw writeError(path, 'EEXIST', error);
    renameSync(part, path);
  }
}

function writeError(file: string, code: string | null, cause: unknown): LandfallError {
  const hint = code === 'EEXIST' ? { hint: 'remove it, or name another folder' } : {};
  return new LandfallError('write', `it could not be written (${code ?? 'unknown'})`, { file, cause, ...hint });
}

/** A sink that is a stream, which is left open in the end. */
export function openSink(stream: Writable, name: string): Sink {
  let failure: NodeJS.ErrnoException | null = null;
  const onError = (error: NodeJS.ErrnoException): void => {
    failure = error;
  };
  stream.on('error', onError);

  function check(): void {
    if (failure === null || failure.code === 'EPIPE') return;
    throw writeError(name, failure.code ?? null, failure);
  }

  function gone(): boolean {
    return failure !== null || stream.destroyed;
  }

  return {
    async send(text) {
      if (!gone() && text !== '') {
        await new Promise<void>((resolve) => {
          stream.write(text, () => {
            resolve();
          });
        });
        // A failure is told to the listeners after this.
        await nextTurn();
      }
      check();
    },
    gone,
    async close() {
      await nextTurn();
      stream.off('error', onError);
      check();
    },
  };
}

/** An output as a stream, for what wants one: it takes more when what was written has left the process. */
export function asStream(output: Output): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string | Buffer, _encoding, done) {
      output.write(text.toString(), done);
    },
  });
}
