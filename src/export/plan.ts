import type { StorageClass } from '../columns/column-type.ts';
import type { ProtectionName } from '../columns/protections.ts';
import { storageOf } from '../columns/storage.ts';
import { parentOf } from '../feed/references.ts';
import { LandfallError } from '../model/errors.ts';
import type { Column, Dataset, Feed } from '../model/feed.ts';
import type { ReadColumn, RelationColumn, RowQuery, Snapshot } from '../store/snapshot.ts';

/** What is asked for. */
export interface ExportRequest {
  /** None: all tables of the feed, unless views are named. */
  readonly tables: readonly string[];
  readonly views: readonly string[];
  /** Columns that rows of views are sorted by, before all others: of those views that have them. */
  readonly orderBy: readonly string[];
  readonly partitionBy: readonly PartitionRequest[];
}

/** `claims.billed_on:month` */
export interface PartitionRequest {
  readonly relation: string;
  readonly column: string;
  readonly by: PartitionUnit;
}

/** How much of `YYYY-MM-DD` names a partition, in characters. */
export const PARTITION_UNITS = { year: 4, month: 7, day: 10 } as const;
export type PartitionUnit = keyof typeof PARTITION_UNITS;

/** A table or a view, as it is exported. */
export interface ExportTable {
  readonly name: string;
  readonly kind: 'table' | 'view';
  readonly columns: readonly ExportColumn[];
  readonly query: RowQuery;
  readonly partition: { readonly at: number; readonly column: string; readonly by: PartitionUnit } | null;
}

/** A column, as it is exported. */
export interface ExportColumn extends ReadColumn {
  /** Whether it holds patient data; null: the feed does not know the column. */
  readonly phi: boolean | null;
  /** What was done to its values before they came into the database. */
  readonly protectedAs: ProtectionName | null;
  /** Whether it is a key or refers to one. */
  readonly isKey: boolean;
}

/**
 * Says what is exported, and in which order.
 * @throws LandfallError when a name is not that of a table, view or column, or a partition cannot be made by it
 */
export async function planExport(
  feed: Feed,
  request: ExportRequest,
  snapshot: Pick<Snapshot, 'relation'>,
): Promise<readonly ExportTable[]> {
  const all = request.tables.length === 0 && request.views.length === 0;
  const datasets = all
    ? feed.datasets
    : unique(request.tables).map((name) => requireOne(feed.datasets, name, feed, 'table'));
  const found: ExportTable[] = datasets.map((dataset) => {
    const columns = dataset.columns.map((column) => exportColumn(feed, dataset, column));
    const keys = dataset.keys.flatMap(({ name }) => columns.filter((column) => column.name === name));
    return tableOf(dataset.table, 'table', columns, keys, request);
  });
  for (const name of unique(request.views)) {
    const there = feed.datasets.some(({ table }) => table === name) ? null : await snapshot.relation(name);
    if (there === null)
      throw new LandfallError('export', `there is no view ${name}`, {
        hint: 'the views of a feed stand in its views/',
      });
    const columns = there.map((column) => viewColumn(feed, column));
    const first = request.orderBy.flatMap((asked) => columns.filter((column) => column.name === asked));
    // All the others follow: the same rows are then in the same order, whatever was asked for.
    const order = [...first, ...columns.filter((column) => !first.includes(column))];
    found.push(tableOf(name, 'view', columns, order, request));
  }
  requireAllUsed(request, found);
  return found;
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}

function requireOne(datasets: readonly Dataset[], name: string, feed: Feed, what: string): Dataset {
  const dataset = datasets.find(({ table }) => table === name);
  if (dataset !== undefined) return dataset;
  const known = datasets.map(({ table }) => table).join(', ');
  throw new LandfallError('export', `the feed ${feed.name} has no ${what} ${name}`, { hint: `its tables: ${known}` });
}

/** A reference is patient data where the key is that it refers to. */
function exportColumn(feed: Feed, dataset: Dataset, column: Column): ExportColumn {
  return {
    name: column.name,
    storage: storageOf(column),
    scale: column.parameters?.scale ?? null,
    phi: isPatientData(feed, dataset, column),
    protectedAs: column.protect ?? null,
    isKey: column.references !== null || dataset.keys.includes(column),
  };
}

function isPatientData(feed: Feed, dataset: Dataset, column: Column): boolean {
  if (column.phi || column.references === null) return column.phi;
  const parent = parentOf(feed, { ...column, references: column.references });
  return parent !== dataset && isPatientData(feed, parent, parent.key);
}

/**
 * A column of a view is what it shows. An expression that has the name of patient data is such, and of any other it is not known what it
 * holds.
 */
function viewColumn(feed: Feed, { name, storage, scale, origin }: RelationColumn): ExportColumn {
  const isShown = origin !== 'expression';
  const known = feed.datasets
    .filter(({ table }) => !isShown || table === origin.table)
    .flatMap((dataset) => {
      const column = dataset.columns.find((one) => one.name === (isShown ? origin.column : name));
      return column === undefined ? [] : [exportColumn(feed, dataset, column)];
    });
  const some = known.some(({ phi }) => phi === true);
  return {
    ...{ name, storage, scale },
    phi: some ? true : isShown && known.length > 0 ? false : null,
    protectedAs: (isShown ? known[0]?.protectedAs : null) ?? null,
    isKey: known.some(({ isKey }) => isKey),
  };
}

function tableOf(
  name: string,
  kind: ExportTable['kind'],
  columns: readonly ExportColumn[],
  orderBy: readonly ExportColumn[],
  request: ExportRequest,
): ExportTable {
  const asked = request.partitionBy.find(({ relation }) => relation === name);
  const partition = asked === undefined ? null : partitionOf(name, columns, asked);
  const group =
    partition === null
      ? null
      : {
          ...{ column: partition.column, characters: PARTITION_UNITS[partition.by] },
          storage: columns[partition.at]?.storage ?? 'date',
        };
  return {
    name,
    kind,
    columns,
    partition,
    query: { relation: name, columns, group, orderBy, isKey: kind === 'table' },
  };
}

const DATED: readonly StorageClass[] = ['date', 'timestamp'];

function partitionOf(
  name: string,
  columns: readonly ExportColumn[],
  { column, by }: PartitionRequest,
): NonNullable<ExportTable['partition']> {
  const at = columns.findIndex((one) => one.name === column);
  const found = columns[at];
  const problem =
    found === undefined
      ? 'there is no such column'
      : !DATED.includes(found.storage)
        ? 'it is no date or timestamp'
        : found.phi !== false
          ? 'it may be patient data, which would stand in the names of folders'
          : columns.some((one) => one.name === by)
            ? `the column ${by} of ${name} would have the name of the partition`
            : null;
  if (problem === null) return { at, column, by };
  const fitting = columns.filter(({ storage, phi }) => DATED.includes(storage) && phi === false);
  throw new LandfallError('export', `cannot partition by ${name}.${column}: ${problem}`, {
    hint:
      fitting.length === 0 ? `no column of ${name} can` : `of ${name}: ${fitting.map((one) => one.name).join(', ')}`,
  });
}

/** What is asked for and would go unheeded is a mistake. */
function requireAllUsed({ partitionBy, orderBy }: ExportRequest, tables: readonly ExportTable[]): void {
  const stray = partitionBy.find(({ relation }, at) => {
    const isTwice = partitionBy.findIndex((other) => other.relation === relation) !== at;
    return isTwice || tables.every(({ name }) => name !== relation);
  });
  if (stray !== undefined)
    throw new LandfallError(
      'export',
      `--partition-by ${stray.relation}.${stray.column}: it is not exported, or is partitioned twice`,
    );
  const views = tables.filter(({ kind }) => kind === 'view');
  const unknown = orderBy.find((asked) => !views.some(({ columns }) => columns.some(({ name }) => name === asked)));
  if (unknown === undefined) return;
  throw new LandfallError('export', `--order-by ${unknown}: no view that is exported has this column`, {
    hint: 'tables are always sorted by their key',
  });
}
