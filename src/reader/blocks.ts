import { isAscii, isUtf8 } from 'node:buffer';
import { FileRefused } from '../model/errors.ts';
import type { Encoding } from '../model/feed.ts';
import type { Limits } from './limits.ts';
import type { Newline } from './types.ts';

/** Some whole lines of a file, decoded. */
export interface Block {
  readonly text: string;
  /** Where the block begins in the file. */
  readonly byteOffset: number;
  /** Bytes of every character of the text, or 0 where they differ. */
  readonly width: 0 | 1 | 2;
  /** Where bytes are not text in the encoding: the block line by line; else null. */
  readonly damage: Damage | null;
  /** Nothing comes after it. */
  readonly last: boolean;
}

/** For each physical line of a block its end in the text and in the bytes, and whether it is damaged. */
interface Damage {
  readonly textEnds: readonly number[];
  readonly byteEnds: readonly number[];
  readonly bad: readonly boolean[];
  /** The bytes end in the middle of a character. */
  readonly cut: boolean;
}

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
  const source = chunks[Symbol.iterator]();
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  const lenient = new TextDecoder(encoding, { ignoreBOM: true });
  const unit = unitBytes(encoding);
  let held = Buffer.allocUnsafe(limits.sampleBytes);
  let start = 0;
  let end = 0;
  let offset = 0;
  let chunk: Uint8Array = new Uint8Array(0);
  let ended = false;

  /** Holds at least so many bytes, or all that are left. */
  function fill(bytes: number): void {
    while (end - start < bytes) {
      if (chunk.length === 0) {
        if (ended) return;
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

  function makeRoom(bytes: number): void {
    const room = bytes > held.length ? Buffer.allocUnsafe(bytes) : held;
    held.copy(room, 0, start, end);
    held = room;
    end -= start;
    start = 0;
  }

  function read(bytes: number, line: number): Block | null {
    for (let target = bytes; ; target = Math.min(target * 2, limits.lineBytes + unit)) {
      // One unit more than is wanted shows whether a carriage return at the end has its line feed.
      fill(target + unit);
      const view = held.subarray(start, end);
      if (view.length === 0) return null;
      const last = view.length <= target;
      const cut = last ? view.length : lastLineEnd(view, target, encoding, newline);
      if (cut > limits.lineBytes || view.length - cut > limits.lineBytes) refuseLongLine(view, line);
      if (cut > 0) return decode(view.subarray(0, cut), last);
    }
  }

  function refuseLongLine(bytes: Buffer, firstLine: number): void {
    let from = 0;
    for (const [index, to] of lineEnds(bytes, encoding).entries()) {
      if (to - from > limits.lineBytes) {
        const mib = limits.lineBytes / 1024 / 1024;
        throw new FileRefused('line_too_long', `line ${firstLine + index} is longer than ${mib} MiB`);
      }
      from = to;
    }
  }

  function decode(bytes: Buffer, last: boolean): Block {
    const byteOffset = offset;
    if (unit === 1 && isAscii(bytes)) {
      return { text: bytes.toString('latin1'), byteOffset, width: 1, damage: null, last };
    }
    const text = decodeWhole(bytes);
    if (text === null) return { ...decodeByLine(bytes), byteOffset, width: 0, last };
    return { text, byteOffset, width: encoding === 'utf-8' ? 0 : unit, damage: null, last };
  }

  /** Null where the bytes are not text in the encoding. */
  function decodeWhole(bytes: Buffer): string | null {
    if (encoding === 'utf-8') return isUtf8(bytes) ? bytes.toString('utf8') : null;
    try {
      return decoder.decode(bytes);
    } catch {
      return null;
    }
  }

  function decodeByLine(bytes: Buffer): { text: string; damage: Damage } {
    const textEnds: number[] = [];
    const bad: boolean[] = [];
    const byteEnds = lineEnds(bytes, encoding);
    let text = '';
    let from = 0;
    for (const to of byteEnds) {
      const line = bytes.subarray(from, to);
      const whole = decodeWhole(line);
      text += whole ?? lenient.decode(line);
      textEnds.push(text.length);
      bad.push(whole === null);
      from = to;
    }
    const end = bytes.subarray(byteEnds.at(-2) ?? 0);
    const cut = bad.at(-1) === true && [1, 2, 3].some((less) => decodeWhole(end.subarray(0, -less)) !== null);
    return { text, damage: { textEnds, byteEnds, bad, cut } };
  }

  return {
    read,
    advance(bytes) {
      fill(bytes);
      start += bytes;
      offset += bytes;
    },
    close() {
      source.return?.();
    },
  };
}

/** The bytes of `text[from, to)` of a block; both ends are ends of lines where the block is damaged. */
export function bytesBetween(block: Block, from: number, to: number): number {
  if (block.width > 0) return (to - from) * block.width;
  if (block.damage !== null) return byteAt(block.damage, to) - byteAt(block.damage, from);
  return Buffer.byteLength(block.text.slice(from, to));
}

/** Whether one of the lines of `text[from, to)` holds bytes that are not text in the encoding. */
export function damagedBetween(block: Block, from: number, to: number): boolean {
  if (block.damage === null) return false;
  const { textEnds, bad } = block.damage;
  for (let i = lineIndex(textEnds, from); i < bad.length; i++) {
    if (bad[i] === true) return true;
    if ((textEnds[i] ?? to) >= to) return false;
  }
  return false;
}

function byteAt(damage: Damage, at: number): number {
  return at === 0 ? 0 : (damage.byteEnds[lineIndex(damage.textEnds, at) - 1] ?? 0);
}

/** How many lines end at or before `at`. */
function lineIndex(textEnds: readonly number[], at: number): number {
  let low = 0;
  let high = textEnds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((textEnds[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The code unit at byte `at`, or -1 beyond the end. */
function unitAt(bytes: Buffer, at: number, encoding: Encoding): number {
  if (encoding === 'utf-16le') return at + 1 < bytes.length ? bytes.readUInt16LE(at) : -1;
  if (encoding === 'utf-16be') return at + 1 < bytes.length ? bytes.readUInt16BE(at) : -1;
  return bytes[at] ?? -1;
}

function unitBytes(encoding: Encoding): 1 | 2 {
  return encoding === 'utf-16le' || encoding === 'utf-16be' ? 2 : 1;
}

/** Where each physical line of the bytes ends (LF, CR and CRLF all count). */
function lineEnds(bytes: Buffer, encoding: Encoding): number[] {
  const ends: number[] = [];
  const step = unitBytes(encoding);
  for (let at = 0; at < bytes.length; at += step) {
    const code = unitAt(bytes, at, encoding);
    if (code === 10 || (code === 13 && unitAt(bytes, at + step, encoding) !== 10)) ends.push(at + step);
  }
  if (ends.at(-1) !== bytes.length && bytes.length > 0) ends.push(bytes.length);
  return ends;
}

/** The end of the last whole line in the first `limit` bytes, or 0. More bytes than `limit` are there to look at. */
function lastLineEnd(bytes: Buffer, limit: number, encoding: Encoding, newline: Newline): number {
  const step = unitBytes(encoding);
  const head = bytes.subarray(0, limit - (limit % step));
  const lf = newline === 'cr' ? 0 : lastUnit(head, 10, encoding);
  if (newline === 'lf') return lf;
  if (newline === 'crlf')
    return lf > step && unitAt(head, lf - 2 * step, encoding) === 13 ? lf : lastCrlf(head, encoding);
  const tail = head.subarray(lf);
  let cr = lastUnit(tail, 13, encoding);
  // A carriage return whose line feed lies beyond the limit is no end yet.
  if (cr > 0 && newline === 'mixed' && unitAt(bytes, lf + cr, encoding) === 10) {
    cr = lastUnit(tail.subarray(0, cr - step), 13, encoding);
  }
  return lf + cr;
}

/** Behind the last code unit `code` (10 or 13), or 0. */
function lastUnit(bytes: Buffer, code: 10 | 13, encoding: Encoding): number {
  if (unitBytes(encoding) === 1) return bytes.lastIndexOf(code) + 1;
  const needle = String.fromCharCode(encoding === 'utf-16le' ? code : code << 8);
  const at = bytes.lastIndexOf(needle, undefined, 'utf16le');
  return at === -1 ? 0 : at + 2;
}

function lastCrlf(bytes: Buffer, encoding: Encoding): number {
  const step = unitBytes(encoding);
  for (let end = lastUnit(bytes, 10, encoding); end > 0; end = lastUnit(bytes.subarray(0, end - step), 10, encoding)) {
    if (end > step && unitAt(bytes, end - 2 * step, encoding) === 13) return end;
  }
  return 0;
}
