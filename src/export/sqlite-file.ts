import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../model/errors.ts';
import { createRowCopy, lockFile } from '../store/open.ts';
import type { RelationTotals, Snapshot } from '../store/snapshot.ts';
import { makePrivateFolder } from '../system/private-files.ts';
import { systemCode } from '../system/system-error.ts';
import { syncToDisk } from '../system/sync.ts';
import { changedRows, type Deidentification, deidentifyTable, totalsAfter } from './deidentify.ts';
import { type ExportOptions, type ExportResult, headOf } from './export.ts';
import { type ManifestTable, manifestText } from './manifest.ts';
import { type ExportTable, planExport } from './plan.ts';
import { describeTable, type TableResult } from './table.ts';

/** What a copy is made of. */
export interface CopyOptions extends Omit<ExportOptions, 'target' | 'verify' | 'deidentify'> {
  readonly file: string;
  readonly deidentify: Deidentification;
}

/** Whether a name is that of a database, not of a folder. */
export function isSqliteFile(to: string): boolean {
  return /\.(?:sqlite3?|db)$/i.test(to);
}

/**
 * Writes a de-identified copy of tables and views, for analysts, as a database of its own. It takes the place of the copy before when it
 * is whole.
 * @throws LandfallError when something else lies there, it cannot be written, or it does not hold what the database holds
 * @throws DatabaseFault
 */
export async function exportToSqlite(options: CopyOptions, snapshot: Snapshot): Promise<ExportResult> {
  const { file, feed, request } = options;
  if (request.partitionBy.length > 0) throw new LandfallError('export', 'a database has no partitions', { file });
  const tables = await planExport(feed, request, snapshot);
  const release = await inFolder(file, () => lockFile(`${file}.lock`));
  if (release === null)
    throw new LandfallError('export', 'another export is writing it', { file, hint: 'wait for its end' });
  const draft = `${file}.part`;
  try {
    requireOurs(file);
    fs.rmSync(draft, { force: true });
    const result = await fill(draft, tables, options, snapshot);
    await inFolder(file, () => {
      syncToDisk(draft);
      fs.renameSync(draft, file);
      syncToDisk(path.dirname(file));
    });
    return result;
  } finally {
    fs.rmSync(draft, { force: true });
    release();
  }
}

async function fill(
  draft: string,
  tables: readonly ExportTable[],
  options: CopyOptions,
  snapshot: Snapshot,
): Promise<ExportResult> {
  const { deidentify, onProgress } = options;
  const copy = await createRowCopy(draft);
  try {
    const entries: ManifestTable[] = [];
    const results: TableResult[] = [];
    for (const table of tables) {
      const { name, kind, query } = table;
      const { columns, change, done } = deidentifyTable(table, deidentify);
      const totals = await snapshot.totals(query);
      copy.createTable(name, columns, kind === 'table' ? query.orderBy.map((key) => key.name) : []);
      let rows = 0;
      for await (const batch of changedRows(snapshot.rows(query), change ?? (() => undefined))) {
        copy.add(name, batch);
        rows += batch.length;
        onProgress({ table: name, rows, of: totals.rows });
      }
      requireSame(name, totalsAfter(totals, done), await copy.totals({ relation: name, columns }));
      entries.push({ ...describeTable(table, { columns, done }, rows), parts: [] });
      results.push({ name, rows, parts: 1, written: 1, bytes: 0 });
    }
    copy.finish(manifestText({ ...(await headOf(options, snapshot, 1)), tables: entries }));
    return { generation: 1, tables: results, removed: 0 };
  } finally {
    copy.close();
  }
}

function requireSame(table: string, should: RelationTotals, is: RelationTotals): void {
  const same = should.columns.every(({ values, sum }, at) => {
    const found = is.columns[at];
    return found?.values === values && (sum === null || found.sum === sum);
  });
  if (!same || is.rows !== should.rows)
    throw new LandfallError('export', `${table}: the copy does not hold what the database holds`, {
      hint: 'nothing was put in its place; run the export again',
    });
}

const MAGIC = 'SQLite format 3\0';
/** Where SQLite keeps the number that says whose a database is (https://sqlite.org/fileformat.html, 1.3). */
const ID_AT = 68;
/** See `createRowCopy`. */
const COPY_ID = 0x4c_46_45_58;

/** Only an earlier copy is written over. */
function requireOurs(file: string): void {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const head = Buffer.alloc(ID_AT + 4);
  // A pipe would be waited for.
  if (stat.isFile()) {
    const handle = fs.openSync(file, 'r');
    try {
      fs.readSync(handle, head, 0, head.length, 0);
    } finally {
      fs.closeSync(handle);
    }
  }
  if (head.toString('latin1', 0, MAGIC.length) === MAGIC && head.readUInt32BE(ID_AT) === COPY_ID) return;
  throw new LandfallError('export', 'it is there already, and is no export', { file, hint: 'name another with --to' });
}

async function inFolder<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    makePrivateFolder(path.dirname(file));
    return await work();
  } catch (cause) {
    const code = systemCode(cause);
    if (code === null) throw cause;
    throw new LandfallError('export', `it cannot be written (${code})`, { file, hint: 'check its folder', cause });
  }
}
