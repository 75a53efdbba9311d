import fs from 'node:fs';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import type { RelationTotals, Snapshot } from '../store/snapshot.ts';
import {
  boundsOf,
  manifestText,
  parseManifest,
  type Manifest,
  type ManifestPart,
  type ManifestTable,
} from './manifest.ts';
import { PART_LIMITS, type PartLimits, type RowChange, type SpooledPart, writeParts } from './parts.ts';
import { type ExportRequest, type ExportTable, planExport } from './plan.ts';
import { generationOf, partName, type StoredManifest, type Target } from './target.ts';
import { verifyTable } from './verify.ts';

/** What is exported, and how. */
export interface ExportOptions {
  readonly feed: Feed;
  readonly request: ExportRequest;
  readonly target: Target;
  /** The kind of database: `sqlite`, `postgres`. */
  readonly store: string;
  /** The version of the program. */
  readonly program: string;
  readonly now: () => Date;
  /** Reads every part back and compares it with the database before the manifest is written. */
  readonly verify: boolean;
  readonly limits?: PartLimits;
  readonly onProgress: (progress: ExportProgress) => void;
}

/** How far an export is. */
export interface ExportProgress {
  readonly table: string;
  readonly rows: number;
  /** Of this table; null: not counted. */
  readonly of: number | null;
}

/** What an export has come to. */
export interface ExportResult {
  readonly generation: number;
  readonly tables: readonly TableResult[];
  /** Parts that were taken away since nothing names them any more. */
  readonly removed: number;
}

/** What it has come to for one table. */
export interface TableResult {
  readonly name: string;
  readonly rows: number;
  readonly parts: number;
  /** Those that are new or changed. */
  readonly written: number;
  /** Of all its parts. */
  readonly bytes: number;
}

/** What lies at the target before. */
interface Before {
  readonly stored: StoredManifest | null;
  readonly manifest: Manifest | null;
  readonly generation: number;
  readonly there: ReadonlySet<string>;
}

/**
 * Exports tables and views from one instant of a database. Parts that have changed are put beside the old ones, then the manifest takes
 * the place of the one before, then what it names no more is removed: whenever the process dies, the manifest that is there is true.
 * @throws LandfallError when something cannot be exported, the target cannot be written, or another export was faster
 * @throws DatabaseFault
 */
export async function runExport(options: ExportOptions, snapshot: Snapshot): Promise<ExportResult> {
  const { feed, target } = options;
  const before = await lookAt(target, feed);
  const tables = await planExport(feed, options.request, snapshot);
  const done: { readonly entry: ManifestTable; readonly result: TableResult }[] = [];
  for (const table of tables) {
    const totals = await snapshot.totals(table.query);
    const one = await exportTable(options, snapshot, before, table, totals);
    if (options.verify) await verifyTable(target, one.entry, totals);
    done.push(one);
  }
  await target.settle();
  const generation = before.generation + 1;
  const text = manifestText({
    generation,
    exported_at: options.now().toISOString(),
    from: {
      ...{ feed: feed.name, feed_hash: feed.hash, store: options.store },
      ...{ newest_file_id: await snapshot.newestFile(), program: options.program },
    },
    ...{ deidentified: false, key: null },
    tables: done.map(({ entry }) => entry),
  });
  if (!(await target.commit(text, before.stored)))
    throw new LandfallError('export', 'another export has written its manifest meanwhile', {
      ...{ file: target.shown, hint: 'what it names is whole and true; run this one again' },
    });
  const named = new Set(done.flatMap(({ entry }) => entry.parts.map(({ file }) => file)));
  const stale = [...before.there].filter((name) => !named.has(name) && (generationOf(name) ?? Infinity) <= generation);
  await target.remove(stale);
  return { generation, tables: done.map(({ result }) => result), removed: stale.length };
}

async function lookAt(target: Target, feed: Feed): Promise<Before> {
  const stored = await target.readManifest();
  const manifest = stored === null ? null : parseManifest(stored, target.shown);
  if (manifest !== null && manifest.from.feed !== feed.name)
    throw new LandfallError('export', `there lies an export of the feed ${manifest.from.feed}, not of ${feed.name}`, {
      ...{ file: target.shown, hint: 'name another place with --to' },
    });
  const there = new Set(await target.list());
  // Without a manifest parts may lie there of one that was lost.
  const generation = Math.max(
    manifest?.generation ?? 0,
    ...(manifest === null ? [...there].map((name) => generationOf(name) ?? 0) : []),
  );
  return { stored, manifest, generation, there };
}

async function exportTable(
  options: ExportOptions,
  snapshot: Snapshot,
  before: Before,
  table: ExportTable,
  totals: RelationTotals,
): Promise<{ entry: ManifestTable; result: TableResult }> {
  const { target, limits = PART_LIMITS } = options;
  const { columns, change } = unchanged(table);
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
  for await (const part of writeParts({ table, snapshot, columns, change, limits, onRows, spool: target.spool })) {
    const name = partName(table.name, part.partition, before.generation + 1, part.sha256);
    const file = reusable.get(`${folderOf(name)} ${part.sha256}`) ?? name;
    if (file === name) {
      written++;
      await target.put(file, part.path);
    } else fs.rmSync(part.path);
    parts.push(describe(table, columns, part, file));
  }
  return {
    entry: {
      ...{ name: table.name, kind: table.kind, rows, order_by: table.query.orderBy.map(({ name }) => name) },
      partition_by: table.partition === null ? null : { column: table.partition.column, by: table.partition.by },
      columns: table.columns.map(({ name, storage, scale, phi, protectedAs }) => ({
        ...{ name, type: storage, ...(storage === 'decimal' ? { scale: scale ?? 0 } : {}), phi },
        ...{ protection: protectedAs, protected_in: protectedAs === null ? null : 'database' },
      })),
      parts,
    },
    result: {
      name: table.name,
      rows,
      parts: parts.length,
      written,
      bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    },
  };
}

function unchanged({ columns }: ExportTable): RowChange {
  return { columns, change: null };
}

function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

function describe(table: ExportTable, columns: RowChange['columns'], part: SpooledPart, file: string): ManifestPart {
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
