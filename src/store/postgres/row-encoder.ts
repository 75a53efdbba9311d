import type { RowEncoder } from '../store.ts';

const FIRST_BYTES = 16 * 1024;

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
  const encoder = new TextEncoder();
  let bytes = new Uint8Array(FIRST_BYTES);
  let end = 0;
  let count = 0;

  /** Makes sure that `more` bytes fit. */
  const reserve = (more: number): void => {
    if (end + more <= bytes.length) return;
    const larger = new Uint8Array(Math.max(bytes.length * 2, end + more));
    larger.set(bytes.subarray(0, end));
    bytes = larger;
  };
  const putText = (text: string): void => {
    reserve(text.length * BYTES_A_UNIT);
    const begin = end;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        end = begin;
        putEncoded(text);
        return;
      }
      const escape = ESCAPES[code] ?? 0;
      if (escape !== 0) bytes[end++] = BACKSLASH;
      bytes[end++] = escape === 0 ? code : escape;
    }
  };
  const putEncoded = (text: string): void => {
    const escaped = text.replaceAll(
      /[\t\n\r\\]/g,
      (character) => `\\${String.fromCharCode(ESCAPES[character.charCodeAt(0)] ?? 0)}`,
    );
    end += encoder.encodeInto(escaped, bytes.subarray(end)).written;
  };

  return {
    add({ line, byteOffset, byteLength }, values) {
      count++;
      putText(`${line}`);
      for (const number of [byteOffset, byteLength]) {
        reserve(1);
        bytes[end++] = TAB;
        putText(`${number}`);
      }
      for (const value of values) {
        reserve(3);
        bytes[end++] = TAB;
        if (value === null) {
          bytes[end++] = BACKSLASH;
          bytes[end++] = 'N'.charCodeAt(0);
        } else putText(String(value));
      }
      reserve(1);
      bytes[end++] = NEWLINE;
    },
    take(allocate) {
      const rows = new Uint8Array(allocate(end), 0, end);
      rows.set(bytes.subarray(0, end));
      const set = { count, rows, places: new Float64Array(0) };
      end = 0;
      count = 0;
      return set;
    },
  };
}
