import type { Dataset } from '../../model/feed.ts';
import { type ByteWriter, copyBytes, createByteWriter, reserve } from '../byte-writer.ts';
import type { RowEncoder } from '../store.ts';

/**
 * Rows of distinct keys in one piece, as JSONB: an array of arrays, each a row's line and then the dataset's values.
 * One bound value for thousands of rows costs less than a dozen for each.
 */
export type JsonbRows = Uint8Array<ArrayBuffer>;

/** SQL that reads staged rows from one bound value `?`: the line, the values of the dataset's columns, and where they come from. */
export function jsonbRowsSql(dataset: Dataset): { line: string; values: string; from: string } {
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
const FLOAT = 5;
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

/**
 * Lays rows out as one array of JSONB; their places stand beside it. It is written byte by byte: making JavaScript arrays first, JSON
 * text of them, and JSONB of that text costs three times as much, most of it for the garbage.
 */
export function createRowEncoder(): RowEncoder {
  const writer = createByteWriter();
  writer.end = HEADER_4;
  let places: number[] = [];

  return {
    add({ line, byteOffset, byteLength }, values) {
      places.push(line, byteOffset, byteLength);
      reserve(writer, HEADER_4);
      const begin = writer.end;
      writer.end += HEADER_2;
      putText(writer, INT, String(line));
      for (const value of values) {
        if (value === null) putNull(writer);
        else if (typeof value === 'number') putText(writer, Number.isSafeInteger(value) ? INT : FLOAT, String(value));
        else putText(writer, TEXTRAW, value);
      }
      endRow(writer, begin);
    },
    take(allocate) {
      putLongHeader(writer.bytes, 0, ARRAY, writer.end - HEADER_4);
      const rows = copyBytes(writer, allocate);
      writer.end = HEADER_4;
      const { length } = places;
      const kept = new Float64Array(allocate(length * Float64Array.BYTES_PER_ELEMENT), 0, length);
      kept.set(places);
      places = [];
      return { count: length / PLACE_NUMBERS, rows, places: kept };
    },
  };
}

const utf8 = new TextEncoder();

function putNull(writer: ByteWriter): void {
  reserve(writer, 1);
  writer.bytes[writer.end++] = NULL;
}

function putText(writer: ByteWriter, type: number, text: string): void {
  const { length } = text;
  reserve(writer, HEADER_4 + length * 3);
  const { bytes, end: begin } = writer;
  let end = putHeader(bytes, begin, type, length);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) {
      const { written } = utf8.encodeInto(text, bytes.subarray(begin + HEADER_4));
      putLongHeader(bytes, begin, type, written);
      writer.end = begin + HEADER_4 + written;
      return;
    }
    bytes[end++] = code;
  }
  writer.end = end;
}

/** Writes the shortest header; gives where it ends. */
function putHeader(bytes: Uint8Array, at: number, type: number, size: number): number {
  if (size <= LONGEST_INLINE) {
    bytes[at] = (size << 4) | type;
    return at + 1;
  }
  if (size <= 0xff) {
    bytes[at] = SIZE_IN_1 | type;
    bytes[at + 1] = size;
    return at + 2;
  }
  putLongHeader(bytes, at, type, size);
  return at + HEADER_4;
}

function putLongHeader(bytes: Uint8Array, at: number, type: number, size: number): void {
  bytes[at] = SIZE_IN_4 | type;
  bytes[at + 1] = size >>> 24;
  bytes[at + 2] = size >>> 16;
  bytes[at + 3] = size >>> 8;
  bytes[at + 4] = size;
}

/** Gives the row that begins there its header, for which HEADER_2 bytes were left. */
function endRow(writer: ByteWriter, begin: number): void {
  const size = writer.end - begin - HEADER_2;
  if (size > 0xffff) {
    reserve(writer, HEADER_4 - HEADER_2);
    writer.bytes.copyWithin(begin + HEADER_4, begin + HEADER_2, writer.end);
    putLongHeader(writer.bytes, begin, ARRAY, size);
    writer.end += HEADER_4 - HEADER_2;
    return;
  }
  const { bytes } = writer;
  bytes[begin] = SIZE_IN_2 | ARRAY;
  bytes[begin + 1] = size >>> 8;
  bytes[begin + 2] = size;
}
