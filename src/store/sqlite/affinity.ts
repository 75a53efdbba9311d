import type { StorageClass } from '../../columns/column-type.ts';

/** What a column makes of the values that it is given; `none` keeps every value as it is. */
type Affinity = 'text' | 'integer' | 'numeric' | 'real' | 'none' | 'blob';

/** The first of these that a declared type matches says its affinity (https://sqlite.org/datatype3.html, section 3.1). */
const RULES: readonly (readonly [RegExp, Affinity])[] = [
  [/INT/i, 'integer'],
  [/CHAR|CLOB|TEXT/i, 'text'],
  [/BLOB|^$/i, 'none'],
  [/REAL|FLOA|DOUB/i, 'real'],
];

/**
 * The affinities that keep the values of a storage class. Where the text is a number, as an id may be, all but TEXT make a number of it:
 * 000123 becomes 123. A date never is one.
 */
const KEPT_BY: Readonly<Record<StorageClass, readonly Affinity[]>> = {
  text: ['text', 'none'],
  integer: ['integer', 'numeric', 'none'],
  date: ['text', 'none', 'integer', 'numeric', 'real'],
};

/**
 * Whether a column keeps all values of a storage class as they are.
 * @param declared the column's type as `pragma_table_xinfo` gives it; may be empty
 * @param strict whether its table is STRICT: it then refuses what it cannot keep (https://sqlite.org/stricttables.html)
 */
export function keepsValues(storage: StorageClass, declared: string, strict: boolean): boolean {
  const affinity = strict ? strictAffinity(declared) : affinityOf(declared);
  return KEPT_BY[storage === 'date' && strict ? 'text' : storage].includes(affinity);
}

/** The type to declare a column with, so that it keeps the values of a storage class. */
export function declarationFor(storage: StorageClass): 'TEXT' | 'INTEGER' {
  return storage === 'integer' ? 'INTEGER' : 'TEXT';
}

function affinityOf(declared: string): Affinity {
  return RULES.find(([pattern]) => pattern.test(declared))?.[1] ?? 'numeric';
}

function strictAffinity(declared: string): Affinity {
  if (/^ANY$/i.test(declared)) return 'none';
  return /^BLOB$/i.test(declared) ? 'blob' : affinityOf(declared);
}
