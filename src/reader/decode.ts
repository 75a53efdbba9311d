import { isAscii, isUtf8 } from 'node:buffer';
import type { Encoding } from '../model/feed.ts';
import { lineEnds, unitBytes } from './line-ends.ts';

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

/** Decodes bytes of whole lines, which begin at `byteOffset` in the file; `last`: nothing comes after them. */
export type DecodeBlock = (bytes: Buffer, byteOffset: number, last: boolean) => Block;

/** What decodes the blocks of a file in an encoding. Where bytes are no text in it, it is told which lines hold them. */
export function createDecoder(encoding: Encoding): DecodeBlock {
  const strict = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  const lenient = new TextDecoder(encoding, { ignoreBOM: true });
  const unit = unitBytes(encoding);

  /** Null where the bytes are not text in the encoding. */
  function decodeWhole(bytes: Buffer): string | null {
    if (encoding === 'utf-8') return isUtf8(bytes) ? bytes.toString('utf8') : null;
    try {
      return strict.decode(bytes);
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

  return (bytes, byteOffset, last) => {
    if (unit === 1 && isAscii(bytes)) {
      return { text: bytes.toString('latin1'), byteOffset, width: 1, damage: null, last };
    }
    const text = decodeWhole(bytes);
    if (text === null) return { ...decodeByLine(bytes), byteOffset, width: 0, last };
    return { text, byteOffset, width: encoding === 'utf-8' ? 0 : unit, damage: null, last };
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
