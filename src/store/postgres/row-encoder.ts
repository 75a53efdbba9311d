import type { Value } from '../../columns/column-type.ts';
import { type ByteWriter, copyBytes, createByteWriter, reserve } from '../byte-writer.ts';
import type { RowEncoder } from '../store.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;

/** What stands behind a backslash for a character that COPY would take for a delimiter; 0: the character stands for itself. */
const ESCAPES = new Uint8Array(0x80);
ESCAPES[TAB] = 't'.charCodeAt(0);
ESCAPES[NEWLINE] = 'n'.charCodeAt(0);
ESCAPES[RETURN] = 'r'.charCodeAt(0);
ESCAPES[BACKSLASH] = BACKSLASH;

/** A UTF-16 unit becomes at most so many bytes: three of UTF-8, or two for one that is escaped. */
const BYTES_A_UNIT = 3;

/**
 * Lays rows out as the text format of COPY (https://www.postgresql.org/docs/current/sql-copy.html): a line for each, first its place
 * in the file (line, byte offset, byte length), then the dataset's values, parted by tabs.
 */
export function createRowEncoder(): RowEncoder {
  const writer = createByteWriter();
  let count = 0;

  return {
    add({ line, byteOffset, byteLength }, values) {
      count++;
      putText(writer, String(line));
      putField(writer, byteOffset);
      putField(writer, byteLength);
      for (const value of values) putField(writer, value);
      putByte(writer, NEWLINE);
    },
    take(allocate) {
      const set = { count, rows: copyBytes(writer, allocate), places: new Float64Array(0) };
      writer.end = 0;
      count = 0;
      return set;
    },
  };
}

function putField(writer: ByteWriter, value: Value): void {
  putByte(writer, TAB);
  if (value !== null) {
    putText(writer, String(value));
    return;
  }
  putByte(writer, BACKSLASH);
  putByte(writer, 'N'.charCodeAt(0));
}

function putByte(writer: ByteWriter, byte: number): void {
  reserve(writer, 1);
  writer.bytes[writer.end++] = byte;
}

function putText(writer: ByteWriter, text: string): void {
  reserve(writer, text.length * BYTES_A_UNIT);
  const { bytes } = writer;
  let { end } = writer;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) {
      writer.end += putEncoded(text, bytes.subarray(writer.end));
      return;
    }
    const escape = ESCAPES[code] ?? 0;
    if (escape !== 0) bytes[end++] = BACKSLASH;
    bytes[end++] = escape === 0 ? code : escape;
  }
  writer.end = end;
}

const utf8 = new TextEncoder();

/** @returns how many bytes that took */
function putEncoded(text: string, into: Uint8Array): number {
  const escaped = text.replaceAll(
    /[\t\n\r\\]/g,
    (character) => `\\${String.fromCharCode(ESCAPES[character.charCodeAt(0)] ?? 0)}`,
  );
  return utf8.encodeInto(escaped, into).written;
}
