import { createRowEncoder as createPostgresEncoder } from './postgres/row-encoder.ts';
import { createRowEncoder as createSqliteEncoder } from './sqlite/jsonb-rows.ts';
import type { RowEncoder, RowFormat } from './store.ts';

const ENCODERS: Readonly<Record<RowFormat, () => RowEncoder>> = {
  sqlite: createSqliteEncoder,
  postgres: createPostgresEncoder,
};

/** Makes an encoder for the store whose `rowFormat` this is. It needs no database: rows are laid out where files are parsed. */
export function createRowEncoder(format: RowFormat): RowEncoder {
  return ENCODERS[format]();
}
