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

const NEVER_A_NUMBER: readonly Affinity[] = ['text', 'none', 'integer', 'numeric', 'real'];

/**
 * The affinities that keep the values of a storage class. Where the text is a number, as an id may be, all but TEXT make a number of it:
 * 000123 becomes 123, and the decimal 1.50 becomes 1.5. A date never is one.
 */
const KEPT_BY: Readonly<Record<StorageClass, readonly Affinity[]>> = {
  text: ['text', 'none'],
  integer: ['integer', 'numeric', 'none'],
  // A number that is whole is one, be it kept as an integer or not.
  number: ['real', 'numeric', 'integer', 'none'],
  decimal: ['text', 'none'],
  date: NEVER_A_NUMBER,
  timestamp: NEVER_A_NUMBER,
  boolean: ['integer', 'numeric', 'none'],
};

/** The same of a STRICT table, which refuses what it would have to change. */
const KEPT_STRICTLY_BY: typeof KEPT_BY = {
  ...KEPT_BY,
  number: ['real', 'none'],
  date: KEPT_BY.text,
  timestamp: KEPT_BY.text,
};

/**
 * Whether a column keeps all values of a storage class as they are.
 * @param declared the column's type as `pragma_table_xinfo` gives it; may be empty
 * @param strict whether its table is STRICT: it then refuses what it cannot keep (https://sqlite.org/stricttables.html)
 */
export function keepsValues(storage: StorageClass, declared: string, strict: boolean): boolean {
  return strict
    ? KEPT_STRICTLY_BY[storage].includes(strictAffinity(declared))
    : KEPT_BY[storage].includes(affinityOf(declared));
}

/** The type to declare a column with, so that it keeps the values of a storage class. */
export function declarationFor(storage: StorageClass): 'TEXT' | 'INTEGER' | 'REAL' {
  return DECLARATIONS[storage];
}

const DECLARATIONS = {
  text: 'TEXT',
  integer: 'INTEGER',
  number: 'REAL',
  decimal: 'TEXT',
  date: 'TEXT',
  timestamp: 'TEXT',
  boolean: 'INTEGER',
} as const satisfies Record<StorageClass, string>;

function affinityOf(declared: string): Affinity {
  return RULES.find(([pattern]) => pattern.test(declared))?.[1] ?? 'numeric';
}

function strictAffinity(declared: string): Affinity {
  if (/^ANY$/i.test(declared)) return 'none';
  return /^BLOB$/i.test(declared) ? 'blob' : affinityOf(declared);
}
