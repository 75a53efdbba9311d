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

/** Lays rows out as one array of JSONB; their places stand beside it. */
export function createRowEncoder(): RowEncoder {
  const jsonb = createJsonbWriter();
  let places: number[] = [];
  return {
    add({ line, byteOffset, byteLength }, values) {
      places.push(line, byteOffset, byteLength);
      const begin = jsonb.beginArray();
      jsonb.put(INT, String(line));
      for (const value of values) {
        if (value === null) jsonb.putNull();
        else if (typeof value === 'number') jsonb.put(INT, String(value));
        else jsonb.put(TEXTRAW, value);
      }
      jsonb.endArray(begin);
    },
    take(allocate) {
      const rows = jsonb.take(allocate);
      const { length } = places;
      const kept = new Float64Array(allocate(length * Float64Array.BYTES_PER_ELEMENT), 0, length);
      kept.set(places);
      places = [];
      return { count: length / PLACE_NUMBERS, rows, places: kept };
    },
  };
}

/**
 * Writes one array of JSONB byte by byte: making JavaScript arrays first, JSON text of them, and JSONB of that text costs three times as
 * much, most of it for the garbage.
 */
interface JsonbWriter {
  /** Begins an array in the array. @returns what `endArray` needs to know */
  beginArray(): number;
  endArray(begin: number): void;
  /** @param text of a number, or a text itself */
  put(type: typeof INT | typeof TEXTRAW, text: string): void;
  putNull(): void;
  /** All that was written; begins anew. */
  take(allocate: (bytes: number) => ArrayBuffer): Uint8Array<ArrayBuffer>;
}

function createJsonbWriter(): JsonbWriter {
  const encoder = new TextEncoder();
  let bytes = new Uint8Array(FIRST_BYTES);
  let end = HEADER_4;

  /** Makes sure that `more` bytes fit. */
  const reserve = (more: number): void => {
    if (end + more <= bytes.length) return;
    const larger = new Uint8Array(Math.max(bytes.length * 2, end + more));
    larger.set(bytes.subarray(0, end));
    bytes = larger;
  };

  return {
    beginArray() {
      reserve(HEADER_4);
      const begin = end;
      end += HEADER_2;
      return begin;
    },
    endArray(begin) {
      const size = end - begin - HEADER_2;
      if (size <= 0xffff) {
        bytes[begin] = SIZE_IN_2 | ARRAY;
        bytes[begin + 1] = size >>> 8;
        bytes[begin + 2] = size;
        return;
      }
      reserve(HEADER_4 - HEADER_2);
      bytes.copyWithin(begin + HEADER_4, begin + HEADER_2, end);
      putLongHeader(bytes, begin, ARRAY, size);
      end += HEADER_4 - HEADER_2;
    },
    put(type, text) {
      const { length } = text;
      reserve(HEADER_4 + length * 3);
      const begin = end;
      end += putHeader(bytes, begin, type, length);
      for (let index = 0; index < length; index++) {
        const code = text.charCodeAt(index);
        if (code > 0x7f) {
          const { written } = encoder.encodeInto(text, bytes.subarray(begin + HEADER_4));
          putLongHeader(bytes, begin, type, written);
          end = begin + HEADER_4 + written;
          return;
        }
        bytes[end++] = code;
      }
    },
    putNull() {
      reserve(1);
      bytes[end++] = NULL;
    },
    take(allocate) {
      putLongHeader(bytes, 0, ARRAY, end - HEADER_4);
      const rows = new Uint8Array(allocate(end), 0, end);
      rows.set(bytes.subarray(0, end));
      end = HEADER_4;
      return rows;
    },
  };
}

/** @returns how many bytes the header has */
function putHeader(bytes: Uint8Array, at: number, type: number, size: number): number {
  if (size <= LONGEST_INLINE) {
    bytes[at] = (size << 4) | type;
    return 1;
  }
  if (size <= 0xff) {
    bytes[at] = SIZE_IN_1 | type;
    bytes[at + 1] = size;
    return 2;
  }
  putLongHeader(bytes, at, type, size);
  return HEADER_4;
}

function putLongHeader(bytes: Uint8Array, at: number, type: number, size: number): void {
  bytes[at] = SIZE_IN_4 | type;
  bytes[at + 1] = size >>> 24;
  bytes[at + 2] = size >>> 16;
  bytes[at + 3] = size >>> 8;
  bytes[at + 4] = size;
}
