import { address } from './address.ts';
import { boolean } from './boolean.ts';
import type { ColumnType } from './column-type.ts';
import { date } from './date.ts';
import { decimal } from './decimal.ts';
import { code, id } from './identifier.ts';
import { integer } from './integer.ts';
import { money } from './money.ts';
import { number } from './number.ts';
import { phone } from './phone.ts';
import { text } from './text.ts';
import { timestamp } from './timestamp.ts';

/** Every type a column can have, by the name that feeds use, in the order of the documents. */
export const COLUMN_TYPES = {
  money,
  decimal,
  integer,
  number,
  date,
  timestamp,
  boolean,
  phone,
  address,
  id,
  code,
  text,
} as const satisfies Record<string, ColumnType>;

export type ColumnTypeName = keyof typeof COLUMN_TYPES;

/** A code under which some type refuses a value. */
export type ColumnCode = { [Name in ColumnTypeName]: keyof (typeof COLUMN_TYPES)[Name]['codes'] }[ColumnTypeName];

/** These codes, each with its sentence. */
export const COLUMN_CODES = Object.assign({}, ...Object.values(COLUMN_TYPES).map(({ codes }) => codes)) as Readonly<
  Record<ColumnCode, string>
>;
