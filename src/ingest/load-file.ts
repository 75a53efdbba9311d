import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RejectCode } from '../codes.ts';
import { FileMoved, FileRefused } from '../errors.ts';
import { createCoercer } from '../feed/coerce.ts';
import type { Value } from '../feed/types.ts';
import { openTable } from '../reader/table.ts';
import type { ReadEvent, Survey, Table } from '../reader/types.ts';
import { type FileEntry, completeFile, enterFile, lastFormat } from '../store/commit.ts';
import { type DatabaseWriter, createDatabaseWriter } from '../store/database-writer.ts';
import type { Origin } from '../store/merge.ts';
import type { Store } from '../store/open.ts';
import type { RowCounts } from '../store/types.ts';
import { createChunk } from './chunk.ts';
import { formatNews } from './format-news.ts';
import { GivenUp } from './given-up.ts';
import type { Source, SourceWalk } from './source.ts';
import type { Tally } from './tally.ts';
import type { IngestOptions } from './types.ts';

/** What a committed file came to. */
export interface LoadedFile {
  readonly fileId: number;
  readonly late: boolean;
  readonly counts: RowCounts;
  readonly healed: number;
  readonly newExtra: readonly string[];
  readonly drift: readonly string[];
}

/**
 * Reads a file and commits all that follows from it, or rolls all of it back and throws.
 * @throws FileRefused, FileMoved, GivenUp, or what the database or the file raises
 */
export async function loadFile(
  store: Store,
  entry: FileEntry,
  source: Source,
  survey: Survey,
  tally: Tally,
  options: IngestOptions,
): Promise<LoadedFile> {
  const { db } = store;
  const writer = createDatabaseWriter(store, (offset, length) => source.row(offset, length, survey.encoding));
  db.exec('BEGIN IMMEDIATE');
  try {
    const fileId = enterFile(store, entry);
    const walk = source.walk();
    const table = openTable(walk.chunks, { dataset: entry.dataset, format: store.feed.format, survey });
    const origin: Origin = { fileId, stamp: entry.stamp, settler: fileId, now: entry.startedAt.toISOString() };
    const counts = await readRows(store, entry, source, survey, table, writer, origin, tally, options);
    requireSameContent(source, walk, entry);
    if (counts.rejected > counts.read * store.feed.maxBadRows) {
      throw new FileRefused('bad_rows', `${counts.rejected} of its ${counts.read} rows were rejected; the feed allows ${store.feed.maxBadRows * 100} %`);
    }
    const healed = await writer.heal(entry.dataset, origin, async () => {
      store.probe('healing');
      await pause(options);
      options.onProgress({ name: entry.name, rows: counts.read, bytesRead: survey.bytes, bytesTotal: survey.bytes, phase: 'healing' });
    });
    const totals = table.totals();
    const format = { dialect: JSON.stringify(table.dialect), extra: JSON.stringify(table.header.extra) };
    const news = formatNews(lastFormat(store, entry.dataset), format);
    const { late } = completeFile(
      store,
      fileId,
      entry,
      {
        counts,
        bytesHeader: totals.headerBytes,
        bytesRows: totals.rowBytes,
        bytesRefused: totals.refusedBytes,
        bytesSkipped: totals.skippedBytes,
        ...format,
        rejectCounts: tally.counts(),
      },
      options.now(),
    );
    // As late as can be: nothing of a file that moved under the reading may be committed (P1).
    source.requireUnmoved();
    store.probe('before_commit');
    db.exec('COMMIT');
    store.probe('after_commit');
    return { fileId, late, counts, healed, ...news };
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

async function readRows(
  store: Store,
  entry: FileEntry,
  source: Source,
  survey: Survey,
  table: Table,
  writer: DatabaseWriter,
  origin: Origin,
  tally: Tally,
  options: IngestOptions,
): Promise<RowCounts> {
  const { dataset } = entry;
  const coerce = createCoercer(dataset, store.feed.format, table.header.fieldOf);
  const keyField = table.header.fieldOf[0] ?? 0;
  const values = Array<Value>(dataset.columns.length).fill(null);
  const chunk = createChunk(dataset.columns.length);
  const sum = { read: 0, inserted: 0, updated: 0, unchanged: 0, stale: 0, waiting: 0 };
  let bytesRead = 0;

  const reject = (event: ReadEvent, code: RejectCode, column: string | null, reason: string, key: string | null) => {
    const { line, byteOffset, byteLength } = event;
    const row = { line, byteOffset, key, code, column, reason, raw: source.row(byteOffset, byteLength, survey.encoding) };
    tally.addRejected(row);
    writer.reject(origin.fileId, dataset.name, row);
  };
  const take = (event: ReadEvent) => {
    sum.read++;
    bytesRead = event.byteOffset + event.byteLength;
    if (event.kind === 'refused') {
      reject(event, event.code, null, event.reason, null);
      return;
    }
    const fault = coerce(event.fields, values);
    if (fault === null) chunk.add(event.line, event.byteOffset, event.byteLength, values);
    else reject(event, fault.code, fault.column, fault.reason, event.fields[keyField]?.trim() ?? null);
  };
  const merge = () => {
    for (const rows of chunk.drain()) {
      const merged = writer.merge(dataset, rows, origin);
      sum.inserted += merged.inserted;
      sum.updated += merged.updated;
      sum.unchanged += merged.unchanged;
      sum.stale += merged.stale;
      sum.waiting += merged.orphans;
      for (const line of merged.orphanLines) tally.add('missing_parent', line);
      for (const row of merged.refused) {
        const { line, byteOffset, byteLength } = row;
        const reason = 'the database refused it for a constraint of its own';
        reject({ kind: 'row', line, byteOffset, byteLength, fields: [] }, 'constraint', null, reason, row.key);
      }
    }
  };
  for (const batch of table.batches()) {
    for (const event of batch) {
      take(event);
      if (chunk.full) merge();
    }
    store.probe('reading');
    await pause(options);
    options.onProgress({ name: entry.name, rows: sum.read, bytesRead, bytesTotal: survey.bytes, phase: 'reading' });
  }
  merge();
  return { ...sum, rejected: tally.rejected() };
}

/** The bytes that were parsed must be the bytes that were hashed before (P1). */
function requireSameContent(source: Source, walk: SourceWalk, entry: FileEntry): void {
  source.requireUnmoved();
  if (walk.digest() !== entry.sha256) throw new FileMoved('its content changed while it was read');
}

/** Lets signals and messages in between two chunks. */
async function pause(options: IngestOptions): Promise<void> {
  await nextTurn();
  if (options.stop.aborted) throw new GivenUp();
}
