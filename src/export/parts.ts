import fs from 'node:fs';
import path from 'node:path';
import type { Value } from '../columns/column-type.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { ParquetColumn } from './parquet/column-buffer.ts';
import { createPartFile, type PartFile, type WrittenPart } from './parquet/part-file.ts';
import { PARTITION_UNITS, type ExportTable } from './plan.ts';

/** When a part ends. */
export interface PartLimits {
  /** From so many rows on it ends behind a key whose hash says so: where that is does not depend on how many rows are before it, … */
  readonly least: number;
  /** … after so many more, on average. */
  readonly more: number;
}

/** A part has a million rows, about. One row more or less then changes one part, not all that follow. */
export const PART_LIMITS: PartLimits = { least: 500_000, more: 500_000 };

/** What becomes of a table's rows before they are written. */
export interface RowChange {
  /** The columns as they are written. */
  readonly columns: readonly ParquetColumn[];
  /** Changes the values of a row in their places; null: nothing is changed. */
  readonly change: ((row: Value[]) => void) | null;
}

/** A part, and where it lies for now. */
export interface SpooledPart extends WrittenPart {
  /** `month=2026-08`; null: the table is in one piece. */
  readonly partition: string | null;
  readonly path: string;
}

/** The partition of rows without a date, as Hive has it. */
const NO_DATE = '__HIVE_DEFAULT_PARTITION__';

export interface WritePartsOptions extends RowChange {
  readonly table: ExportTable;
  readonly snapshot: Pick<Snapshot, 'rows'>;
  /** A folder for files in the making. */
  readonly spool: string;
  readonly limits: PartLimits;
  /** Called with the number of rows that were written since. */
  readonly onRows: (rows: number) => void;
}

/**
 * Writes the rows of a table as Parquet files, one after the other, each of one partition. A table without rows is one part without
 * any, so that its columns can be seen; in partitions it is none.
 */
export async function* writeParts(options: WritePartsOptions): AsyncGenerator<SpooledPart, void> {
  const { table, snapshot, limits, change } = options;
  const { partition, query } = table;
  const keys = query.orderBy.map((key) => table.columns.findIndex(({ name }) => name === key.name));
  let open: { readonly partition: string | null; readonly file: PartFile; readonly path: string } | null = null;
  let parts = 0;
  const begin = (label: string | null) => {
    const file = path.join(options.spool, `${table.name}-${parts++}.tmp`);
    return { partition: label, path: file, file: createPartFile(file, table.name, options.columns) };
  };
  const finish = (done: NonNullable<typeof open>): SpooledPart => {
    open = null;
    return { ...done.file.finish(), partition: done.partition, path: done.path };
  };
  try {
    for await (const batch of snapshot.rows(query)) {
      for (const row of batch) {
        const label = partition === null ? null : labelOf(row[partition.at] ?? null, partition.by);
        if (open !== null && open.partition !== label) yield finish(open);
        open ??= begin(label);
        const isEnd = open.file.rows + 1 >= limits.least && isBoundary(row, keys, limits.more);
        change?.(row as Value[]);
        open.file.add(row);
        if (isEnd) yield finish(open);
      }
      options.onRows(batch.length);
    }
    if (open === null && parts === 0 && partition === null) open = begin(null);
    if (open !== null) yield finish(open);
  } finally {
    if (open !== null) {
      open.file.abandon();
      fs.rmSync(open.path, { force: true });
    }
  }
}

function labelOf(value: Value, by: keyof typeof PARTITION_UNITS): string {
  return `${by}=${value === null ? NO_DATE : String(value).slice(0, PARTITION_UNITS[by])}`;
}

/** Whether a part may end behind a row, by an FNV-1a hash of its key. */
function isBoundary(row: readonly Value[], keys: readonly number[], more: number): boolean {
  let hash = 0x811c9dc5;
  for (const key of keys) {
    const text = String(row[key]);
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ 0xffff, 0x01000193);
  }
  // The low bits of FNV-1a follow the last letters.
  return ((hash ^ (hash >>> 15)) >>> 0) % more === 0;
}
