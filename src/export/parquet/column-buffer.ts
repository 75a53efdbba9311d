import type { ColumnChunk, Encoding, SchemaElement } from 'hyparquet';
import { ByteWriter } from 'hyparquet-writer';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';
import { writeRleBitPackedHybrid } from 'hyparquet-writer/src/encoding.js';
import { constants, zstdCompressSync } from 'node:zlib';
import type { StorageClass, Value } from '../../columns/column-type.ts';
import { codecOf, type Physical } from './codecs.ts';
import { createEncodedValues, type EncodedValues } from './encoded-values.ts';

/** A column of a Parquet file. */
export interface ParquetColumn {
  readonly name: string;
  readonly storage: StorageClass;
  /** Of a decimal: its digits behind the point. */
  readonly scale: number | null;
}

/** The values of a column of one row group, encoded as they come. */
export interface ColumnBuffer {
  /** @throws RangeError, without the value, where it is none of the column's storage class */
  append(value: Value): void;
  /** How much room it takes up, in bytes. */
  size(): number;
  /**
   * Writes the values as a column chunk, and is empty.
   * @param page room for one page, which is written over: a new one for each would be memory that comes back late
   */
  flush(writer: ByteWriter, page: ByteWriter): WrittenChunk;
}

/** A column chunk, and what is known of its values. */
export interface WrittenChunk {
  readonly chunk: ColumnChunk;
  readonly range: ValueRange;
}

/** The smallest and the largest value of a column; undefined: there is none. */
export interface ValueRange {
  readonly min: Physical | undefined;
  readonly max: Physical | undefined;
  readonly nulls: number;
  /** False: letters beyond U+FFFF are among the texts, whose order in UTF-16 is not that of UTF-8. */
  readonly isSure: boolean;
}

const FIRST_ROWS = 64;
const COMPRESSION_LEVEL = 3;

/** Makes the buffer of one column. It is one data page in a row group, with a dictionary where values repeat. */
export function createColumnBuffer({ name, storage, scale }: ParquetColumn): ColumnBuffer {
  const codec = codecOf(storage, scale);
  const values = createEncodedValues(codec);
  /** For each row whether it has a value. */
  let levels = new Uint8Array(FIRST_ROWS);
  let rows = 0;
  return {
    append(value) {
      if (rows === levels.length) {
        const larger = new Uint8Array(rows * 2);
        larger.set(levels);
        levels = larger;
      }
      levels[rows++] = value === null ? 0 : 1;
      if (value !== null) values.add(value);
    },
    size: () => values.size() + rows,
    flush(writer, page) {
      page.index = 0;
      fillPage(page, levels.subarray(0, rows), values, codec.element.type === 'BOOLEAN');
      const written = writeChunk(writer, { name, ...codec.element }, rows, values, page.getBytes());
      values.empty();
      rows = 0;
      return written;
    },
  };
}

/** Writes a column chunk: a dictionary page where there is a dictionary, and a data page. */
function writeChunk(
  writer: ByteWriter,
  { name, type = 'BYTE_ARRAY' }: SchemaElement,
  rows: number,
  values: EncodedValues,
  page: Uint8Array,
): WrittenChunk {
  const start = writer.offset;
  const { entries, min, max, isSure } = values;
  const encoding: Encoding = entries > 0 ? 'RLE_DICTIONARY' : 'PLAIN';
  let raw = 0;
  if (entries > 0) {
    const header = {
      type: 'DICTIONARY_PAGE',
      dictionary_page_header: { num_values: entries, encoding: 'PLAIN' },
    } as const;
    raw += writePage(writer, values.plain(), (sizes) => ({ ...header, ...sizes }));
  }
  const dataStart = writer.offset;
  const levelEncodings = { definition_level_encoding: 'RLE', repetition_level_encoding: 'RLE' } as const;
  const header = {
    type: 'DATA_PAGE',
    data_page_header: { num_values: rows, encoding, ...levelEncodings },
  } as const;
  raw += writePage(writer, page, (sizes) => ({ ...header, ...sizes }));
  const range: ValueRange = { min, max, nulls: rows - values.count, isSure };
  return {
    range,
    chunk: {
      file_offset: BigInt(start),
      meta_data: {
        type,
        encodings: [...new Set<Encoding>(['RLE', 'PLAIN', encoding])],
        path_in_schema: [name],
        codec: 'ZSTD',
        num_values: BigInt(rows),
        total_compressed_size: BigInt(writer.offset - start),
        total_uncompressed_size: BigInt(raw),
        data_page_offset: BigInt(dataStart),
        ...(entries > 0 ? { dictionary_page_offset: BigInt(start) } : {}),
        statistics: { ...boundsOf(range), null_count: BigInt(range.nulls) },
      },
    },
  };
}

/** Which rows have a value, then the values: themselves, or their places in the dictionary. */
function fillPage(page: ByteWriter, levels: Uint8Array, values: EncodedValues, areBits: boolean): void {
  page.appendUint32(0);
  writeRleBitPackedHybrid(page, levels, 1);
  page.view.setUint32(0, page.index - 4, true);
  if (values.entries > 0) {
    const width = Math.max(1, 32 - Math.clz32(values.entries - 1));
    page.appendUint8(width);
    writeRleBitPackedHybrid(page, values.indexes(), width);
  } else page.appendBytes(areBits ? packed(values.plain()) : values.plain());
}

type Sizes = Readonly<Record<'uncompressed_page_size' | 'compressed_page_size', number>>;

/** @returns the bytes that it takes up before it is compressed, with its header */
function writePage(
  writer: ByteWriter,
  content: Uint8Array,
  header: (sizes: Sizes) => Parameters<typeof writePageHeader>[1],
): number {
  const compressed = zstdCompressSync(content, {
    params: { [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL },
  });
  const start = writer.offset;
  writePageHeader(writer, header({ uncompressed_page_size: content.length, compressed_page_size: compressed.length }));
  const headerBytes = writer.offset - start;
  writer.appendBytes(compressed);
  return headerBytes + content.length;
}

/** The bounds as the footer takes them; of numbers zero is of either sign. */
function boundsOf({ min, max, isSure }: ValueRange): { min_value?: Physical; max_value?: Physical } {
  if (min === undefined || max === undefined || !isSure) return {};
  return { min_value: Object.is(min, 0) ? -0 : min, max_value: Object.is(max, -0) ? 0 : max };
}

/** Booleans, eight in a byte, the first in its lowest bit. */
function packed(bytes: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(bytes.length / 8));
  for (const [at, byte] of bytes.entries()) bits[at >> 3] = (bits[at >> 3] ?? 0) | (byte << (at & 7));
  return bits;
}
