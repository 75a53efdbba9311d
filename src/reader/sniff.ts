import { isAscii } from 'node:buffer';
import type { Encoding, FeedFormat } from '../model/feed.ts';
import type { Survey, Surveyor } from './types.ts';

/** How files that are not text begin (one character is one byte), and what they are. */
const SIGNATURES: readonly (readonly [start: string, what: string])[] = [
  ['PK\x03\x04', 'a zip archive or an Office document'],
  ['PK\x05\x06', 'an empty zip archive'],
  ['\xd0\xcf\x11\xe0', 'an Office document'],
  ['%PDF-', 'a PDF document'],
  ['{\\rtf', 'an RTF document'],
  ['\x89PNG', 'a picture'],
  ['\xff\xd8\xff', 'a picture'],
  ['GIF8', 'a picture'],
  ['II*\0', 'a picture'],
  ['MM\0*', 'a picture'],
  ['\x1f\x8b', 'a gzip archive'],
  ['\xfd7zXZ', 'an xz archive'],
  ['7z\xbc\xaf', 'a 7-Zip archive'],
  ['Rar!\x1a\x07', 'a RAR archive'],
  ['\x28\xb5\x2f\xfd', 'a Zstandard archive'],
];

/** Byte order marks: https://encoding.spec.whatwg.org/#bom-sniff */
const MARKS: readonly (readonly [start: string, encoding: Encoding])[] = [
  ['\xef\xbb\xbf', 'utf-8'],
  ['\xff\xfe', 'utf-16le'],
  ['\xfe\xff', 'utf-16be'],
];

const HEAD_BYTES = 6;
/** All of the first so many bytes are looked at for control characters, … */
const LOOKED_AT_FIRST = 64 * 1024;
/** … and behind them the first `STRIPE_BYTES` of every `STRIPE_EVERY` (a power of two). */
const STRIPE_EVERY = 64 * 1024;
const STRIPE_BYTES = 256;
/** One in so many characters may be a control character in a text. Random bytes have one in nine. */
const CONTROLS_ONE_IN = 20;
/** A few are no proof, in however short a text. */
const CONTROLS_FEW = 8;

/** What a file's bytes say as a whole; see `createSurveyor`. */
export function surveyAll(chunks: Iterable<Uint8Array>, format: FeedFormat): Survey {
  const surveyor = createSurveyor(format);
  for (const chunk of chunks) surveyor.update(chunk);
  return surveyor.finish();
}

/**
 * Collects what a file's bytes say as a whole, in one pass and whatever the chunks: the encoding, and whether it is
 * text at all. What the format fixes is not looked for.
 */
export function createSurveyor(format: FeedFormat): Surveyor {
  const utf8 = createUtf8Count();
  const odd = createOddCount(format.delimiter ?? '');
  let bytes = 0;
  let head = '';
  // Nothing is looked at before the byte order mark is known.
  let early: Buffer | null = Buffer.alloc(0);

  function begin(first: Buffer): void {
    early = null;
    head = first.toString('latin1', 0, HEAD_BYTES);
    lookAt(first);
  }

  function lookAt(chunk: Uint8Array): void {
    const encoding = format.encoding ?? markedEncoding(head);
    if (encoding === 'utf-16le' || encoding === 'utf-16be') {
      odd.lookAtUnits(chunk, bytes, encoding);
    } else {
      odd.lookAtBytes(chunk, bytes);
      utf8.lookAt(chunk);
    }
    bytes += chunk.length;
  }

  return {
    update(chunk) {
      if (early === null) {
        lookAt(chunk);
        return;
      }
      early = Buffer.concat([early, chunk]);
      if (early.length >= HEAD_BYTES) begin(early);
    },
    finish() {
      if (early !== null) begin(early);
      const encoding = format.encoding ?? markedEncoding(head) ?? utf8.encoding();
      const signature = SIGNATURES.find(([start]) => head.startsWith(start));
      const what = signature?.[1] ?? (odd.tooMany() ? 'random bytes or an encoding that is not taken' : null);
      return { bytes, encoding, bom: markBytes(head, encoding) > 0, notText: what };
    },
  };
}

function markedEncoding(head: string): Encoding | null {
  return MARKS.find(([start]) => head.startsWith(start))?.[1] ?? null;
}

/** The bytes of the byte order mark that a file of this encoding begins with (as Latin-1 text), or 0. */
function markBytes(head: string, encoding: Encoding): number {
  // A UTF-8 mark is no text in Windows-1252 either.
  const own = encoding === 'windows-1252' ? 'utf-8' : encoding;
  const mark = MARKS.find(([, marked]) => marked === own);
  return mark !== undefined && head.startsWith(mark[0]) ? mark[0].length : 0;
}

/** The bytes of an encoding's byte order mark. */
export function bomBytes(encoding: Encoding): 2 | 3 {
  return encoding === 'utf-16le' || encoding === 'utf-16be' ? 2 : 3;
}

/** The bits that are set in four bytes of which one is not ASCII. */
const NOT_ASCII = 0x80808080 | 0;

/**
 * Counts the sequences of non-ASCII bytes that are UTF-8 and those that are not
 * (https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-3/#G27506, table 3-7).
 */
function createUtf8Count(): { lookAt(chunk: Uint8Array): void; encoding(): Encoding } {
  let valid = 0;
  let invalid = 0;
  // Continuation bytes still to come, and the range of the next one.
  let due = 0;
  let low = 0x80;
  let high = 0xbf;

  function lookAtByte(byte: number): void {
    if (due > 0) {
      if (byte >= low && byte <= high) {
        low = 0x80;
        high = 0xbf;
        if (--due === 0) valid++;
        return;
      }
      due = 0;
      invalid++;
    }
    low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    if (byte < 0x80) return;
    if (byte >= 0xc2 && byte <= 0xdf) due = 1;
    else if (byte >= 0xe0 && byte <= 0xef) due = 2;
    else if (byte >= 0xf0 && byte <= 0xf4) due = 3;
    else invalid++;
  }

  return {
    lookAt(chunk) {
      if (due === 0 && isAscii(chunk)) return;
      // Four bytes at a time where they are ASCII: most are, and one by one takes four times as long.
      const lead = (4 - (chunk.byteOffset % 4)) % 4;
      const count = Math.max(0, Math.floor((chunk.length - lead) / 4));
      const words = count > 0 ? new Int32Array(chunk.buffer, chunk.byteOffset + lead, count) : new Int32Array(0);
      for (let at = 0; at < chunk.length;) {
        if (due === 0 && at >= lead && (at - lead) % 4 === 0) {
          let word = (at - lead) / 4;
          while (word < count && ((words[word] ?? 0) & NOT_ASCII) === 0) word++;
          at = lead + word * 4;
        }
        const byte = chunk[at++] ?? 0;
        if (byte >= 0x80 || due > 0) lookAtByte(byte);
      }
    },
    encoding() {
      // What is begun at the end of the file is not whole.
      const broken = invalid + (due > 0 ? 1 : 0);
      if (valid + broken === 0) return 'utf-8';
      // On a tie the safer of the two: a wrong guess at UTF-8 refuses rows, one at Windows-1252 alters them.
      return valid >= broken ? 'utf-8' : 'windows-1252';
    },
  };
}

interface OddCount {
  lookAtBytes(chunk: Uint8Array, offset: number): void;
  lookAtUnits(chunk: Uint8Array, offset: number, encoding: Encoding): void;
  tooMany(): boolean;
}

/** Counts characters that do not stand in texts, by samples that depend on the place in the file only. */
function createOddCount(delimiter: string): OddCount {
  const oddByte = new Uint8Array(256);
  for (let code = 0; code < 256; code++) {
    const control = code < 0x20 || code === 0x7f;
    oddByte[code] = control && !'\t\n\v\f\r'.includes(String.fromCharCode(code)) ? 1 : 0;
  }
  for (const char of delimiter) if (char.charCodeAt(0) < 256) oddByte[char.charCodeAt(0)] = 0;
  let seen = 0;
  let odd = 0;
  let half = -1;

  function forEachLookedAt(chunk: Uint8Array, offset: number, look: (byte: number, place: number) => void): void {
    for (let at = 0; at < chunk.length;) {
      const place = offset + at;
      const within = place % STRIPE_EVERY;
      if (place >= LOOKED_AT_FIRST && within >= STRIPE_BYTES) at += STRIPE_EVERY - within;
      else look(chunk[at++] ?? 0, place);
    }
  }

  return {
    lookAtBytes(chunk, offset) {
      forEachLookedAt(chunk, offset, (byte) => {
        seen++;
        odd += oddByte[byte] ?? 0;
      });
    },
    lookAtUnits(chunk, offset, encoding) {
      forEachLookedAt(chunk, offset, (byte, place) => {
        if (place % 2 === 0) {
          half = byte;
          return;
        }
        const unit = encoding === 'utf-16le' ? (byte << 8) | half : (half << 8) | byte;
        seen++;
        // Private use and surrogates are one in seven of random units, and rare in texts.
        odd += unit < 256 ? (oddByte[unit] ?? 0) : unit >= 0xd800 && unit <= 0xf8ff ? 1 : 0;
      });
    },
    tooMany: () => odd > CONTROLS_FEW && odd * CONTROLS_ONE_IN > seen,
  };
}
