import type { Dataset } from '../../model/feed.ts';
import type { RowEncoder } from '../store.ts';

/**
 * Rows of distinct keys in one piece, as JSONB: an array of arrays, each a row's line and then the dataset's values.
 * One bound value for thousands of rows costs less than a dozen for each.
 */
export type StagedRows = Uint8Array<ArrayBuffer>;

/** SQL that reads staged rows from one bound value `?`: the line, the values of the dataset's columns, and where they come from. */
export function stagedRowsSql(dataset: Dataset): { line: string; values: string; from: string } {
  return {
    line: 'e.value ->> 0',
    values: dataset.columns.map((_, index) => `e.value ->> ${index + 1}`).join(', '),
    from: 'jsonb_each(?) e',
  };
}

/** How many numbers of a row set's `places` there are for each row. */
export const PLACE_NUMBERS = 3;

// The element types of https://sqlite.org/jsonb.html: the low half of an element's first byte.
const NULL = 0;
const INT = 3;
const TEXTRAW = 10;
const ARRAY = 11;

// The high half says how long the payload is, or in how many bytes behind it that stands. Longer than need be is allowed.
const SIZE_IN_1 = 12 << 4;
const SIZE_IN_2 = 13 << 4;
const SIZE_IN_4 = 14 << 4;
const LONGEST_INLINE = 11;

/** Bytes of a header whose size stands in two, and in four bytes. */
const HEADER_2 = 3;
const HEADER_4 = 5;

const FIRST_BYTES = 16 * 1024;

/**
 * Lays rows out as one array of JSONB; their places stand beside it. Written byte by byte: making JavaScript arrays first, JSON text of them, and JSONB of that text
 * costs three times as much, most of it for the garbage.
 */
export function createRowEncoder(): RowEncoder {
  const encoder = new TextEncoder();
  let bytes = new Uint8Array(FIRST_BYTES);
  let end = HEADER_4;
  let places: number[] = [];

  /** Makes sure that `more` bytes fit. */
  const reserve = (more: number): void => {
    if (end + more <= bytes.length) return;
    const larger = new Uint8Array(Math.max(bytes.length * 2, end + more));
    larger.set(bytes.subarray(0, end));
    bytes = larger;
  };
  const putHeader = (type: number, size: number): void => {
    if (size <= LONGEST_INLINE) {
      bytes[end++] = (size << 4) | type;
    } else if (size <= 0xff) {
      bytes[end++] = SIZE_IN_1 | type;
      bytes[end++] = size;
    } else {
      putLongHeader(end, type, size);
      end += HEADER_4;
    }
  };
  const putLongHeader = (at: number, type: number, size: number): void => {
    bytes[at] = SIZE_IN_4 | type;
    bytes[at + 1] = size >>> 24;
    bytes[at + 2] = size >>> 16;
    bytes[at + 3] = size >>> 8;
    bytes[at + 4] = size;
  };
  const putText = (type: number, text: string): void => {
    const { length } = text;
    reserve(HEADER_4 + length * 3);
    const begin = end;
    putHeader(type, length);
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        putEncoded(begin, type, text);
        return;
      }
      bytes[end++] = code;
    }
  };
  const putEncoded = (begin: number, type: number, text: string): void => {
    const { written } = encoder.encodeInto(text, bytes.subarray(begin + HEADER_4));
    putLongHeader(begin, type, written);
    end = begin + HEADER_4 + written;
  };

  return {
    add({ line, byteOffset, byteLength }, values) {
      places.push(line, byteOffset, byteLength);
      reserve(HEADER_4);
      const begin = end;
      end += HEADER_2;
      putText(INT, String(line));
      for (const value of values) {
        if (value === null) {
          reserve(1);
          bytes[end++] = NULL;
        } else if (typeof value === 'number') putText(INT, String(value));
        else putText(TEXTRAW, value);
      }
      const size = end - begin - HEADER_2;
      if (size <= 0xffff) {
        bytes[begin] = SIZE_IN_2 | ARRAY;
        bytes[begin + 1] = size >>> 8;
        bytes[begin + 2] = size;
        return;
      }
      reserve(HEADER_4 - HEADER_2);
      bytes.copyWithin(begin + HEADER_4, begin + HEADER_2, end);
      putLongHeader(begin, ARRAY, size);
      end += HEADER_4 - HEADER_2;
    },
    take(allocate) {
      putLongHeader(0, ARRAY, end - HEADER_4);
      const rows = new Uint8Array(allocate(end), 0, end);
      rows.set(bytes.subarray(0, end));
      end = HEADER_4;
      const { length } = places;
      const kept = new Float64Array(allocate(length * Float64Array.BYTES_PER_ELEMENT), 0, length);
      kept.set(places);
      places = [];
      return { count: length / PLACE_NUMBERS, rows, places: kept };
    },
  };
}
