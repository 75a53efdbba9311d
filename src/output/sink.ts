import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LandfallError } from '../model/errors.ts';
import type { Output } from '../system/io.ts';

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

/** A sink that is a new file, which its owner alone may read. Nothing is overwritten. */
export function openFileSink(path: string): Sink {
  const stream = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  const sink = openSink(stream, path);
  return {
    ...sink,
    async close() {
      stream.end();
      // The failure, if any, is kept by the sink.
      if (!stream.closed) await once(stream, 'close').catch(() => undefined);
      await sink.close();
    },
  };
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
    const hint = failure.code === 'EEXIST' ? { hint: 'remove it, or name another folder' } : {};
    throw new LandfallError('write', `it could not be written (${failure.code ?? 'unknown'})`, {
      file: name,
      cause: failure,
      ...hint,
    });
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
