import fs from 'node:fs';
import path from 'node:path';
import { createRowCopy } from '../store/open.ts';
import type { RowQuery, RelationTotals, Snapshot } from '../store/snapshot.ts';
import {
  changedRows,
  type DeidentifiedTable,
  type Deidentification,
  deidentifyTable,
  totalsAfter,
} from './deidentify.ts';
import { boundsOf, type Manifest, type ManifestPart, type ManifestTable } from './manifest.ts';
import { PART_LIMITS, type PartLimits, type SpooledPart, writeParts, type WritePartsOptions } from './parts.ts';
import type { ExportTable } from './plan.ts';
import { partName, type StoredManifest, type Target } from './target.ts';

/** How tables are exported. */
export interface TableOptions {
  readonly target: Target;
  /** Null: values are written as they are. */
  readonly deidentify: Deidentification | null;
  readonly limits?: PartLimits;
  readonly onProgress: (progress: ExportProgress) => void;
}

/** How far an export is. */
export interface ExportProgress {
  readonly table: string;
  readonly rows: number;
  /** Of this table. */
  readonly of: number;
}

/** What lies at the target before. */
export interface Before {
  readonly stored: StoredManifest | null;
  readonly manifest: Manifest | null;
  readonly generation: number;
  readonly there: ReadonlySet<string>;
}

/** A table that was exported. */
export interface ExportedTable {
  readonly entry: ManifestTable;
  readonly result: TableResult;
  /** What is to be found in its parts. */
  readonly totals: RelationTotals;
}

/** What an export has come to for one table. */
export interface TableResult {
  readonly name: string;
  readonly rows: number;
  readonly parts: number;
  /** Those that are new or changed. */
  readonly written: number;
  /** Of all its parts. */
  readonly bytes: number;
}

/** Writes the parts of a table, and puts those at the target that are not there. */
export async function exportTable(
  options: TableOptions,
  snapshot: Snapshot,
  before: Before,
  table: ExportTable,
): Promise<ExportedTable> {
  const { target, deidentify, limits = PART_LIMITS } = options;
  const shape = deidentify === null ? asItIs(table) : deidentifyTable(table, deidentify);
  const totals = await snapshot.totals(table.query);
  const reusable = new Map(
    (before.manifest?.tables.find(({ name }) => name === table.name)?.parts ?? [])
      .filter(({ file }) => before.there.has(file))
      .map((part) => [`${folderOf(part.file)} ${part.sha256}`, part.file]),
  );
  const parts: ManifestPart[] = [];
  let written = 0;
  let rows = 0;
  const onRows = (more: number): void => {
    rows += more;
    options.onProgress({ table: table.name, rows, of: totals.rows });
  };
  onRows(0);
  await using source = await sourceOf(table, shape, snapshot, target.spool);
  for await (const part of writeParts({ ...source.options, limits, onRows, spool: target.spool })) {
    const name = partName(table.name, part.partition, before.generation + 1, part.sha256);
    const file = reusable.get(`${folderOf(name)} ${part.sha256}`) ?? name;
    if (file === name) {
      written++;
      await target.put(file, part.path);
    } else fs.rmSync(part.path);
    parts.push(describePart(table, shape, part, file));
  }
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return {
    entry: { ...describeTable(table, shape, rows), parts },
    result: { name: table.name, rows, parts: parts.length, written, bytes },
    totals: totalsAfter(totals, shape.done),
  };
}

function asItIs({ columns }: ExportTable): DeidentifiedTable {
  return { columns, change: null, done: columns.map(() => null), isReordered: false };
}

/** Where the rows come from, as they are to be written. */
interface Source extends AsyncDisposable {
  readonly options: Pick<WritePartsOptions, 'table' | 'snapshot' | 'columns' | 'change'>;
}

/** Rows that are sorted by what they are to hide are put into a database of their own first, and come sorted by what they became. */
async function sourceOf(
  table: ExportTable,
  { columns, change, isReordered }: DeidentifiedTable,
  snapshot: Pick<Snapshot, 'rows'>,
  spool: string,
): Promise<Source> {
  if (!isReordered || change === null) {
    const nothing = (): Promise<void> => Promise.resolve();
    return { options: { table, snapshot, columns, change }, [Symbol.asyncDispose]: nothing };
  }
  const file = path.join(spool, `${table.name}.sqlite`);
  const copy = await createRowCopy(file);
  const dispose = (): Promise<void> => {
    copy.close();
    fs.rmSync(file, { force: true });
    return Promise.resolve();
  };
  try {
    copy.createTable(table.name, columns, []);
    for await (const batch of changedRows(snapshot.rows(table.query), change)) copy.add(table.name, batch);
  } catch (error) {
    await dispose();
    throw error;
  }
  const orderBy = table.query.orderBy.flatMap((key) => columns.filter(({ name }) => name === key.name));
  const query: RowQuery = { ...table.query, columns, orderBy };
  return {
    options: { table: { ...table, query }, snapshot: copy, columns, change: null },
    [Symbol.asyncDispose]: dispose,
  };
}

function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** What the manifest says of a table, but for its parts. */
export function describeTable(
  table: ExportTable,
  { columns, done }: Pick<DeidentifiedTable, 'columns' | 'done'>,
  rows: number,
): Omit<ManifestTable, 'parts'> {
  return {
    ...{ name: table.name, kind: table.kind, rows, order_by: table.query.orderBy.map(({ name }) => name) },
    partition_by: table.partition === null ? null : { column: table.partition.column, by: table.partition.by },
    columns: table.columns.map(({ name, scale, phi, protectedAs }, at) => {
      const type = columns[at]?.storage ?? 'text';
      const now = done[at] ?? null;
      return {
        ...{ name, type, ...(type === 'decimal' ? { scale: scale ?? 0 } : {}), phi },
        protection: protectedAs ?? now,
        protected_in: protectedAs !== null ? 'database' : now !== null ? 'export' : null,
      };
    }),
  };
}

function describePart(
  table: ExportTable,
  { columns }: Pick<DeidentifiedTable, 'columns'>,
  part: SpooledPart,
  file: string,
): ManifestPart {
  const [unit, value] = part.partition?.split('=') ?? [];
  const ranges = columns.map(({ name, storage, scale }, at) => {
    const range = part.ranges[at] ?? { min: undefined, max: undefined, nulls: 0, isSure: false };
    return [name, boundsOf(range, storage, scale, table.columns[at]?.phi === false)] as const;
  });
  return {
    file,
    partition: unit === undefined || value === undefined ? null : { [unit]: value },
    ...{ rows: part.rows, bytes: part.bytes, sha256: part.sha256 },
    columns: Object.fromEntries(ranges),
  };
}
