import { z } from 'zod';
import { type ColumnType, NO_PARAMETERS, type Value } from '../columns/column-type.ts';
import { PROTECTIONS } from '../columns/protections.ts';
import { COLUMN_TYPES } from '../columns/registry.ts';
import type { Column, Dataset, FeedFormat } from '../model/feed.ts';
import { createHasher } from '../protection/hash-value.ts';

/** A key of several columns as one value. */
const textsSchema = z.array(z.string());

/** What the values of one file are protected with. */
export interface ProtectionInput {
  /** `hashing` of the protection key; null or absent: nothing of the feed is protected. */
  readonly hashing?: Uint8Array | null;
  /** When the file was taken. */
  readonly takenAt: Date;
}

/** Protects what is stored of the rows of one file (P9). */
export interface RowProtector {
  /** Puts protected values in the place of those in the clear. */
  protect(values: Value[]): void;
  /** The key of a row that is refused, as it would be stored; null: it cannot be. */
  protectKey(key: string | null): string | null;
}

/**
 * Makes what protects the rows of a file.
 * @returns null for a dataset of which nothing is protected
 */
export function createRowProtector(dataset: Dataset, format: FeedFormat, input: ProtectionInput): RowProtector | null {
  const { hashing, takenAt } = input;
  const protectedColumns = dataset.columns.flatMap((column, index) =>
    column.protect == null ? [] : [{ column, index }],
  );
  if (protectedColumns.length === 0) return null;
  // Raised before a row is read: without a key nothing of the dataset may be stored.
  if (hashing == null) throw new Error(`no key for the protected columns of ${dataset.table}`);
  const hash = createHasher(hashing);
  const protectorOf = ({ protect }: Column) =>
    protect == null ? null : PROTECTIONS[protect].make({ hash, year: takenAt.getUTCFullYear() });
  const work = protectedColumns.map(({ column, index }) => ({ index, protector: protectorOf(column) }));
  const keys = dataset.keys.map((column) => ({ protector: protectorOf(column), parse: keyParser(column, format) }));
  const protectPart = (text: string, place: number): string | null => {
    const key = keys[place];
    if (key?.protector == null) return text;
    const value = key.parse(text);
    return value === null ? null : String(key.protector(value));
  };
  return {
    protect(values) {
      for (const { index, protector } of work) {
        const value = values[index];
        if (value != null && protector !== null) values[index] = protector(value);
      }
    },
    protectKey(key) {
      if (key === null || keys.length === 1) return key === null ? null : protectPart(key, 0);
      const parts = textsSchema.parse(JSON.parse(key)).map(protectPart);
      return parts.includes(null) ? null : JSON.stringify(parts);
    },
  };
}

/** Reads keys as the rows' are read; null: it is not one. */
function keyParser(key: Column, format: FeedFormat): (text: string) => string | number | null {
  const type: ColumnType = COLUMN_TYPES[key.type];
  const parse = type.parser(
    format,
    (code) => ({ code, column: key.name, reason: '' }),
    key.parameters ?? NO_PARAMETERS,
  );
  return (text) => {
    const value = parse(text);
    return typeof value === 'object' ? null : value;
  };
}
