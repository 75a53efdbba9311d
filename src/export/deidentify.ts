import type { StorageClass, Value } from '../columns/column-type.ts';
import { PROTECTIONS, type Protection, type ProtectionName } from '../columns/protections.ts';
import type { RelationTotals } from '../store/snapshot.ts';
import type { RowChange } from './parts.ts';
import type { ExportColumn, ExportTable } from './plan.ts';

/** What values are protected with on their way out. */
export interface Deidentification {
  /** Keyed hash of a text, as hex: the one that `protect: hash` of the feed makes. */
  readonly hash: (text: string) => string;
  /** The fingerprint of the key. */
  readonly fingerprint: string;
  /** The year in which it is exported, from which ages are counted. */
  readonly year: number;
}

/** A table whose patient data is protected on its way out. */
export interface DeidentifiedTable extends RowChange {
  /** What is done to each column; null: nothing. */
  readonly done: readonly (ProtectionName | null)[];
  /** Whether the columns that rows are sorted by are among them: the order of rows would tell of what they were. */
  readonly isReordered: boolean;
}

/** Columns by their names: US ZIP codes, as `zip3` takes them. */
const ZIP = /(?:^|_)(?:zip|postal|postcode)/;

const DATED: readonly StorageClass[] = ['date', 'timestamp'];

/**
 * Protects what the feed marks as patient data and has not protected already: ids and texts by `hash`, so that joins hold, dates by
 * `year`, ZIP codes by `zip3`. What the feed does not know, an expression of a view, is left empty.
 */
export function deidentifyTable(
  { columns, query }: Pick<ExportTable, 'columns' | 'query'>,
  { hash, year }: Deidentification,
): DeidentifiedTable {
  const done = columns.map(protectionOf);
  const work = done.flatMap((name, at) =>
    name === null ? [] : [{ at, protect: PROTECTIONS[name].make({ hash, year }) }],
  );
  return {
    done,
    columns: columns.map(({ name, storage, scale }, at) => ({
      name,
      storage: storageAfter(storage, done[at] ?? null),
      scale,
    })),
    change: (row) => {
      for (const { at, protect } of work) {
        const value = row[at];
        if (value != null) row[at] = protect(value);
      }
    },
    isReordered: query.orderBy.some((key) => done[columns.findIndex(({ name }) => name === key.name)] != null),
  };
}

function protectionOf({ name, storage, phi, protectedAs, isKey }: ExportColumn): ProtectionName | null {
  if (phi === false || protectedAs !== null) return null;
  if (phi === null) return 'drop';
  if (isKey) return 'hash';
  if (DATED.includes(storage)) return 'year';
  return storage === 'text' && ZIP.test(name) ? 'zip3' : 'hash';
}

function storageAfter(storage: StorageClass, done: ProtectionName | null): StorageClass {
  const protection: Protection | null = done === null ? null : PROTECTIONS[done];
  return protection?.storage ?? storage;
}

/** What is to be found in the parts, of what the database counts. */
export function totalsAfter(
  { rows, columns }: RelationTotals,
  done: readonly (ProtectionName | null)[],
): RelationTotals {
  return {
    rows,
    columns: columns.map((column, at) => {
      const name = done[at] ?? null;
      if (name === null) return column;
      return { values: name === 'drop' ? 0 : column.values, sum: null };
    }),
  };
}

/** Rows as they are written, a batch at a time. */
export async function* changedRows(
  batches: AsyncIterable<readonly (readonly Value[])[]>,
  change: NonNullable<RowChange['change']>,
): AsyncGenerator<readonly (readonly Value[])[], void> {
  for await (const batch of batches) {
    for (const row of batch) change(row as Value[]);
    yield batch;
  }
}
