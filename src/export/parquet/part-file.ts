import { ByteWriter } from 'hyparquet-writer';
import { writeMetadata } from 'hyparquet-writer/src/metadata.js';
import type { RowGroup, SchemaElement } from 'hyparquet';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { Value } from '../../columns/column-type.ts';
import { LandfallError } from '../../model/errors.ts';
import { codecOf } from './codecs.ts';
import { createColumnBuffer, type ParquetColumn, type ValueRange } from './column-buffer.ts';

/** A row group ends with so many rows, or with so many bytes before they are compressed: that is what is held in memory. */
const GROUP_ROWS = 131_072;
const GROUP_BYTES = 32 * 1024 * 1024;
/** The bytes are counted every so many rows. */
const COUNT_EVERY = 256;

const MAGIC = 0x31524150;

const NOTHING: ValueRange = { min: undefined, max: undefined, nulls: 0, isSure: true };

/** A Parquet file while it is written. */
export interface PartFile {
  readonly rows: number;
  /** @throws LandfallError naming the column, where a value is none of its storage class */
  add(row: readonly Value[]): void;
  /** Writes what is left and the footer. */
  finish(): WrittenPart;
  /** Closes the file as it is. */
  abandon(): void;
}

/** A Parquet file as it was written. */
export interface WrittenPart {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  /** What is known of the values of each column. */
  readonly ranges: readonly ValueRange[];
}

/**
 * Writes a Parquet file, a row group at a time. The same rows give the same bytes: nothing of the time or the machine stands in it.
 * @param table for errors
 * @throws the system's error where it cannot be made or written
 */
export function createPartFile(path: string, table: string, columns: readonly ParquetColumn[]): PartFile {
  const handle = fs.openSync(path, 'w', 0o640);
  const hash = createHash('sha256');
  const writer = new ByteWriter();
  const page = new ByteWriter();
  const buffers = columns.map(createColumnBuffer);
  const groups: RowGroup[] = [];
  let ranges: readonly ValueRange[] = columns.map(() => NOTHING);
  let rows = 0;
  let inGroup = 0;
  writer.appendUint32(MAGIC);

  function drain(): void {
    const bytes = writer.getBytes();
    hash.update(bytes);
    for (let at = 0; at < bytes.length;) at += fs.writeSync(handle, bytes, at);
    writer.index = 0;
  }

  function endGroup(): void {
    if (inGroup === 0) return;
    const start = writer.offset;
    const written = buffers.map((buffer) => buffer.flush(writer, page));
    ranges = written.map(({ range }, at) => joined(ranges[at] ?? NOTHING, range));
    const sizes = written.map(({ chunk }) => chunk.meta_data?.total_uncompressed_size ?? 0n);
    groups.push({
      columns: written.map(({ chunk }) => chunk),
      total_byte_size: sizes.reduce((sum, size) => sum + size, 0n),
      num_rows: BigInt(inGroup),
      file_offset: BigInt(start),
      total_compressed_size: BigInt(writer.offset - start),
    });
    inGroup = 0;
    drain();
  }

  return {
    get rows() {
      return rows;
    },
    add(row) {
      let at = 0;
      try {
        for (const buffer of buffers) buffer.append(row[at++] ?? null);
      } catch (cause) {
        throw misfit(cause, `${table}.${columns[at - 1]?.name ?? ''}`);
      }
      rows++;
      inGroup++;
      const isFull =
        inGroup % COUNT_EVERY === 0 && buffers.reduce((sum, buffer) => sum + buffer.size(), 0) >= GROUP_BYTES;
      if (inGroup >= GROUP_ROWS || isFull) endGroup();
    },
    finish() {
      endGroup();
      writeMetadata(writer, {
        ...{ version: 2, created_by: 'landfall', metadata_length: 0 },
        schema: schemaOf(columns),
        num_rows: BigInt(rows),
        row_groups: groups,
      });
      writer.appendUint32(MAGIC);
      drain();
      fs.closeSync(handle);
      return { rows, bytes: writer.offset, sha256: hash.digest('hex'), ranges };
    },
    abandon() {
      fs.closeSync(handle);
    },
  };
}

function schemaOf(columns: readonly ParquetColumn[]): SchemaElement[] {
  return [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, storage, scale }): SchemaElement => ({
      ...codecOf(storage, scale).element,
      ...{ name, repetition_type: 'OPTIONAL' },
    })),
  ];
}

function joined(one: ValueRange, other: ValueRange): ValueRange {
  return {
    min: one.min === undefined || (other.min !== undefined && other.min < one.min) ? other.min : one.min,
    max: one.max === undefined || (other.max !== undefined && other.max > one.max) ? other.max : one.max,
    nulls: one.nulls + other.nulls,
    isSure: one.isSure && other.isSure,
  };
}

function misfit(cause: unknown, column: string): unknown {
  if (!(cause instanceof RangeError)) return cause;
  const hint = 'something other than Landfall has written it, or the view gives other values than before';
  return new LandfallError('export', `${column} holds ${cause.message}`, { hint, cause });
}
