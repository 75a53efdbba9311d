import { createRequire } from 'node:module';
import type { RowProblem, StorageClass, Value } from './column-type.ts';
import { COLUMN_TYPES, type ColumnTypeName } from './registry.ts';

/** What becomes of a row that breaks a rule: it is rejected, loaded with a warning, or its whole file is quarantined. */
export type Severity = 'reject' | 'warn' | 'quarantine';

/** One end of what a value may be. */
export type Bound =
  /** As a value of the column is kept. */
  | { readonly kind: 'constant'; readonly value: string | number; readonly written: string }
  /** When the file was taken. */
  | { readonly kind: 'now' }
  /** The value that another column of the row has. */
  | { readonly kind: 'column'; readonly name: string };

/** What a feed says of a column's values, beyond their type. Rules see values as they are kept, before they are protected. */
export interface ColumnRules {
  readonly severity: Severity;
  /** As they are kept. */
  readonly allowed: readonly (string | number)[] | null;
  /** A regular expression in the syntax of RE2, for the whole value. */
  readonly pattern: string | null;
  readonly min: Bound | null;
  readonly max: Bound | null;
}

/** The codes under which a rule refuses a row, or warns of it. */
export const RULE_CODES = {
  not_allowed: 'not one of the values that the feed allows (allowed)',
  bad_pattern: 'not written as the feed says (pattern)',
  below_min: 'less, or earlier, than the feed allows (min)',
  above_max: 'more, or later, than the feed allows (max)',
} as const;
export type RuleCode = keyof typeof RULE_CODES;

/** What a broken rule says of a row. */
export interface BrokenRule extends RowProblem<RuleCode> {
  readonly severity: Severity;
}

/** What has to be known of a column. */
export interface RuledColumn {
  /** As the sender documents it, for reasons. */
  readonly header: string;
  readonly name: string;
  readonly type: ColumnTypeName;
  readonly rules?: ColumnRules | null;
}

/**
 * Makes what holds the rows of one file to the rules of its columns, in their order.
 * @param takenAt when the file was taken
 * @returns null where there is no rule; else what takes a row's values, in the order of the columns, and gives what they break
 */
export function createRowRules(
  columns: readonly RuledColumn[],
  takenAt: Date,
): ((values: readonly Value[]) => readonly BrokenRule[]) | null {
  const tests = columns.flatMap((column, index) => (column.rules == null ? [] : testsOf(column, index, column.rules)));
  if (tests.length === 0) return null;
  return (values) => {
    let broken: BrokenRule[] | null = null;
    for (const test of tests) if (!test.holds(values)) (broken ??= []).push(test.broken);
    return broken ?? NOTHING;
  };

  function testsOf(column: RuledColumn, index: number, rules: ColumnRules): RowTest[] {
    const make = (
      code: RuleCode,
      reason: string,
      holds: (value: string | number, row: readonly Value[]) => boolean,
    ) => ({
      broken: { code, column: column.name, reason: `${column.header}: ${reason}`, severity: rules.severity },
      holds: (row: readonly Value[]) => {
        const value = row[index];
        return value == null || holds(value, row);
      },
    });
    const { allowed, pattern, min, max } = rules;
    const made: RowTest[] = [];
    if (allowed !== null) {
      const known = new Set(allowed);
      made.push(make('not_allowed', RULE_CODES.not_allowed, (value) => known.has(value)));
    }
    if (pattern !== null) {
      const matches = compilePattern(pattern);
      made.push(make('bad_pattern', RULE_CODES.bad_pattern, (value) => matches(String(value))));
    }
    if (min !== null)
      made.push(
        make('below_min', `${isTime(column) ? 'earlier' : 'less'} than ${spell(min)}`, boundTest(column, min, -1)),
      );
    if (max !== null)
      made.push(
        make('above_max', `${isTime(column) ? 'later' : 'more'} than ${spell(max)}`, boundTest(column, max, 1)),
      );
    return made;
  }

  /** @param wrong the sign of a difference that breaks the bound */
  function boundTest(
    column: RuledColumn,
    bound: Bound,
    wrong: 1 | -1,
  ): (value: string | number, row: readonly Value[]) => boolean {
    if (bound.kind !== 'column') {
      const constant = bound.kind === 'now' ? nowFor(storageOf(column), takenAt, wrong) : bound.value;
      const compare = comparison(storageOf(column), storageOf(column));
      return (value) => compare(value, constant) !== wrong;
    }
    const at = columns.findIndex(({ name }) => name === bound.name);
    const compare = comparison(storageOf(column), storageOf(columns[at] ?? column));
    return (value, row) => {
      const other = row[at];
      return other == null || compare(value, other) !== wrong;
    };
  }
}

interface RowTest {
  readonly broken: BrokenRule;
  readonly holds: (row: readonly Value[]) => boolean;
}

const NOTHING: readonly BrokenRule[] = [];

function spell(bound: Bound): string {
  if (bound.kind === 'now') return 'the time at which the file was taken';
  return bound.kind === 'column' ? bound.name : bound.written;
}

function storageOf({ type }: RuledColumn): StorageClass {
  return COLUMN_TYPES[type].storage;
}

function isTime(column: RuledColumn): boolean {
  return ['date', 'timestamp'].includes(storageOf(column));
}

type Comparison = (one: string | number, other: string | number) => -1 | 0 | 1;

/** Whether values of two storage classes have an order between them. */
export function isComparable(one: StorageClass, other: StorageClass): boolean {
  const kinds = new Map<StorageClass, string>([
    ['integer', 'number'],
    ['number', 'number'],
    ['decimal', 'decimal'],
    ['date', 'time'],
    ['timestamp', 'time'],
  ]);
  const kind = kinds.get(one);
  return kind !== undefined && kind === kinds.get(other);
}

function comparison(one: StorageClass, other: StorageClass): Comparison {
  if (one === 'decimal') return (a, b) => compareDecimals(String(a), String(b));
  if (one === 'date' || one === 'timestamp') {
    // Of a day and a moment only the days can be compared.
    const part = one === 'date' || other === 'date' ? dayOf : momentOf;
    return (a, b) => order(part(String(a)), part(String(b)));
  }
  return (a, b) => order(Number(a), Number(b));
}

function order<T extends string | number>(one: T, other: T): -1 | 0 | 1 {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function dayOf(text: string): string {
  return text.slice(0, 'YYYY-MM-DD'.length);
}

/** A moment with six digits behind its seconds, however many it is kept with. */
function momentOf(text: string): string {
  const seconds = 'YYYY-MM-DDThh:mm:ss'.length;
  return text.slice(0, seconds) + text.slice(seconds + 1, -1).padEnd(6, '0');
}

/** Compares decimals as they are kept, such as `-0.50`, whatever their scales: exactly, never by way of a float. */
function compareDecimals(one: string, other: string): -1 | 0 | 1 {
  const [a, b] = [decimalParts(one), decimalParts(other)];
  const digits = Math.max(a.decimals.length, b.decimals.length);
  const [x, y] = [a, b].map(({ whole, decimals }) => BigInt(`${whole}${decimals.padEnd(digits, '0')}`));
  if (x === undefined || y === undefined || x === y) return 0;
  return x < y ? -1 : 1;
}

function decimalParts(text: string): { whole: string; decimals: string } {
  const [whole = '', decimals = ''] = text.split('.');
  return { whole, decimals };
}

const HOUR = 3_600_000;

/**
 * The time at which a file was taken, as a bound of a column. A day that has begun, or not ended, somewhere on earth is not out of
 * bounds: the sender's clock is not known.
 */
function nowFor(storage: StorageClass, takenAt: Date, wrong: 1 | -1): string {
  const shift = storage === 'date' ? (wrong === 1 ? 14 : -12) * HOUR : 0;
  const at = new Date(takenAt.getTime() + shift).toISOString();
  return storage === 'date' ? dayOf(at) : at;
}

const require = createRequire(import.meta.url);

/** The engine of patterns, loaded when the first is compiled. It takes time in proportion to the text, whatever the pattern. */
function engine(): typeof import('re2js') {
  return require('re2js') as typeof import('re2js');
}

/**
 * Compiles a pattern of a feed.
 * @returns whether a text as a whole matches
 * @throws Error where it is no pattern
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const compiled = engine().RE2JS.compile(pattern);
  return (text) => compiled.matches(text);
}
