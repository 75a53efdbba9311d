import type { Value } from '../columns/column-type.ts';
import { type RowMapper, createRowMapper } from '../columns/row-mapper.ts';
import type { Dataset, FeedFormat } from '../model/feed.ts';
import { openTable } from '../reader/table.ts';
import type { Survey, Table } from '../reader/types.ts';

/** A surveyed file's bytes, and what they are to be read as. */
export interface RowsOptions {
  readonly dataset: Dataset;
  readonly format: FeedFormat;
  readonly survey: Survey;
}

/** A file opened as its dataset: rows of fields, and what makes a record of each. */
export interface OpenRows {
  readonly table: Table;
  readonly mapper: RowMapper;
  /** What the mapper fills, row after row. */
  readonly values: Value[];
}

/** Opens a file as its dataset. @throws FileRefused where it cannot be read so */
export function openRows(chunks: Iterable<Uint8Array>, options: RowsOptions): OpenRows {
  const { columns } = options.dataset;
  const table = openTable(chunks, options);
  const mapper = createRowMapper(columns, options.format, table.header.fieldOf);
  return { table, mapper, values: Array<Value>(columns.length).fill(null) };
}
