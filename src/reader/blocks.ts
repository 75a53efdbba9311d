import { FileRefused } from '../model/errors.ts';
import type { Encoding } from '../model/feed.ts';
import { type Block, createDecoder } from './decode.ts';
import type { Limits } from './limits.ts';
import { lastLineEnd, lineEnds, unitBytes } from './line-ends.ts';
import type { Newline } from './types.ts';

/** Hands out a file's bytes as decoded blocks of whole lines. */
export interface BlockReader {
  /**
   * The lines from where reading stands that fit into so many bytes, at least one; null at the end of the file.
   * Reading stands where it stood: `advance` moves it.
   * @param line the number of the line at which reading stands, for the error
   * @throws FileRefused `line_too_long`
   */
  read(bytes: number, line: number): Block | null;
  /** Moves on by so many bytes. */
  advance(bytes: number): void;
  /** Lets go of the chunks, also before their end. */
  close(): void;
}

/**
 * Reads blocks from chunks of bytes. A chunk's memory may be used again once the next one is asked for.
 * Holds about one block, more only while a line is longer, and never more than a line may be.
 */
export function createBlockReader(
  chunks: Iterable<Uint8Array>,
  encoding: Encoding,
  newline: Newline,
  limits: Limits,
): BlockReader {
  const window = createWindow(chunks, limits.sampleBytes);
  const decode = createDecoder(encoding);
  const unit = unitBytes(encoding);
  return {
    read(bytes, line) {
      for (let target = bytes; ; target = Math.min(target * 2, limits.lineBytes + unit)) {
        // One unit more than is wanted shows whether a carriage return at the end has its line feed.
        const view = window.hold(target + unit);
        if (view.length === 0) return null;
        const last = view.length <= target;
        const cut = last ? view.length : lastLineEnd(view, target, encoding, newline);
        if (cut > limits.lineBytes || view.length - cut > limits.lineBytes)
          refuseLongLine(view, encoding, line, limits);
        if (cut > 0) return decode(view.subarray(0, cut), window.offset(), last);
      }
    },
    advance: (bytes) => {
      window.advance(bytes);
    },
    close: () => {
      window.close();
    },
  };
}

function refuseLongLine(bytes: Buffer, encoding: Encoding, firstLine: number, { lineBytes }: Limits): void {
  let from = 0;
  for (const [index, to] of lineEnds(bytes, encoding).entries()) {
    if (to - from > lineBytes) {
      const mib = lineBytes / 1024 / 1024;
      throw new FileRefused('line_too_long', `line ${firstLine + index} is longer than ${mib} MiB`);
    }
    from = to;
  }
}

/** The bytes of a file from where reading stands. */
interface Window {
  /** At least so many of them, or all that are left; until the next call. */
  hold(bytes: number): Buffer;
  advance(bytes: number): void;
  /** Where reading stands in the file. */
  offset(): number;
  close(): void;
}

function createWindow(chunks: Iterable<Uint8Array>, firstBytes: number): Window {
  const source = chunks[Symbol.iterator]();
  let held = Buffer.allocUnsafe(firstBytes);
  let start = 0;
  let end = 0;
  let offset = 0;
  let chunk: Uint8Array = new Uint8Array(0);
  let ended = false;

  function makeRoom(bytes: number): void {
    const room = bytes > held.length ? Buffer.allocUnsafe(bytes) : held;
    held.copy(room, 0, start, end);
    held = room;
    end -= start;
    start = 0;
  }

  function fill(bytes: number): void {
    while (end - start < bytes && !ended) {
      if (chunk.length === 0) {
        const next = source.next();
        if (next.done === true) ended = true;
        else chunk = next.value;
        continue;
      }
      if (start + bytes > held.length) makeRoom(bytes);
      const piece = chunk.subarray(0, start + bytes - end);
      held.set(piece, end);
      end += piece.length;
      chunk = chunk.subarray(piece.length);
    }
  }

  return {
    hold(bytes) {
      fill(bytes);
      return held.subarray(start, end);
    },
    advance(bytes) {
      fill(bytes);
      start += bytes;
      offset += bytes;
    },
    offset: () => offset,
    close: () => source.return?.(),
  };
}
