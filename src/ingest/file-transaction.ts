import { setImmediate as nextTurn } from 'node:timers/promises';
import { REJECT_CODES } from '../model/codes.ts';
import { FileMoved, FileRefused } from '../model/errors.ts';
import type { Encoding } from '../model/feed.ts';
import type { Survey } from '../reader/types.ts';
import { type FileEntry, completeFile, enterFile, lastFormat, lastRowsEnd } from '../store/sqlite/commit.ts';
import { type DatabaseWriter, createDatabaseWriter } from '../store/sqlite/database-writer.ts';
import { type IndexPlan, planIndexes } from '../store/sqlite/indexes.ts';
import type { Origin } from '../store/sqlite/merge.ts';
import type { Store } from '../store/sqlite/open.ts';
import type { RejectedRow } from '../store/sqlite/rejects.ts';
import { inTransaction } from '../store/sqlite/transaction.ts';
import type { RowCounts } from '../model/ledger.ts';
import { formatNews } from './format-news.ts';
import { GivenUp } from './given-up.ts';
import type { ParsedBatch, ParsedReject } from './parse.ts';
import { type ParsedFile, parseFile } from './parser.ts';
import type { RejectTally } from './reject-tally.ts';
import { type RowSet, PLACE_NUMBERS } from './distinct-key-batches.ts';
import { type RowsInHand, createRowsInHand } from './pending-rows.ts';
import type { Source } from './source.ts';
import type { IngestOptions } from '../model/ingest.ts';
import type { Warnings } from '../model/warnings.ts';
import { warnOfCut } from './warnings.ts';

/** What a committed file came to. */
export interface LoadedFile {
  readonly fileId: number;
  readonly late: boolean;
  readonly counts: RowCounts;
  readonly healed: number;
  readonly refusedWaiting: number;
  readonly extra: readonly string[];
  readonly newExtra: readonly string[];
  readonly drift: readonly string[];
  readonly warnings: Warnings;
}

/** A file that is about to be loaded. */
export interface SurveyedFile {
  readonly store: Store;
  readonly entry: FileEntry;
  readonly source: Source;
  readonly survey: Survey;
  /** Counts what is refused, also for the caller when the load fails. */
  readonly tally: RejectTally;
  readonly options: IngestOptions;
}

type RowSums = Record<'inserted' | 'updated' | 'unchanged' | 'stale' | 'waiting', number>;

/** A file in the middle of its load. */
interface Load extends SurveyedFile {
  readonly writer: DatabaseWriter;
  readonly inHand: RowsInHand;
  /** Rows whose key was said before: once, twice, and so on. */
  readonly again: RowSet[][];
  readonly sums: RowSums;
  readonly origin: Origin;
}

/**
 * Reads a file and commits all that follows from it, or rolls all of it back and throws.
 * @throws FileRefused, FileMoved, GivenUp, or what the database or the file raises
 */
export async function loadFile(file: SurveyedFile): Promise<LoadedFile> {
  const { store, entry, source, survey } = file;
  const inHand = createRowsInHand(source, survey.encoding);
  const writer = createDatabaseWriter(store, inHand);
  const loaded = await inTransaction(store.db, async () => {
    const fileId = enterFile(store, entry);
    const origin: Origin = { fileId, stamp: entry.stamp, now: entry.startedAt.toISOString() };
    const load: Load = {
      ...file,
      writer,
      inHand,
      origin,
      again: [],
      sums: { inserted: 0, updated: 0, unchanged: 0, stale: 0, waiting: 0 },
    };
    const { counts, parsed } = await loadRows(load);
    if (parsed.sha256 !== entry.sha256) throw new FileMoved('its content changed while it was read');
    requireFewBadRows(store, counts);
    const { healed, refused } = await writer.heal(entry.dataset, origin, async () => {
      store.probe('healing');
      await breathe(load, 'healing', counts.read, survey.bytes);
    });
    const news = complete(load, counts, parsed);
    // As late as can be: nothing of a file that moved under the reading may be committed (P1).
    source.requireUnmoved();
    store.probe('before_commit');
    return { fileId, counts, healed, refusedWaiting: refused, ...news };
  });
  store.probe('after_commit');
  return loaded;
}

async function loadRows(load: Load): Promise<{ counts: RowCounts; parsed: ParsedFile }> {
  const { store, entry, source, survey, sums } = load;
  const batches = parseFile(source, survey.bytes, { dataset: entry.dataset, format: store.feed.format, survey });
  let read = 0;
  let indexes: IndexPlan | null = null;
  let ended = false;
  try {
    for (;;) {
      const next = await batches.next();
      if (next.done === true) {
        ended = true;
        endSets(load);
        indexes?.rebuild();
        return { counts: { ...sums, read, rejected: load.tally.rejected() }, parsed: next.value };
      }
      const { value: batch } = next;
      indexes ??= planIndexes(store.db, entry.dataset.table, (survey.bytes / batch.bytesRead) * batch.read);
      read += batch.read;
      loadBatch(load, batch, indexes);
      store.probe('reading');
      await breathe(load, 'reading', read, batch.bytesRead);
    }
  } finally {
    // Stops the parsing.
    if (!ended) await batches.throw(new GivenUp()).catch(() => undefined);
  }
}

function loadBatch(load: Load, batch: ParsedBatch, indexes: IndexPlan): void {
  for (const row of batch.rejects) reject(load, row);
  const [first, ...again] = batch.sets;
  if (first !== undefined) loadSet(load, first, indexes);
  // Copied: the memory of a batch is used again for another one.
  for (const [times, set] of again.entries()) {
    if (set.places.length > 0) (load.again[times] ??= []).push({ rows: set.rows.slice(), places: set.places.slice() });
  }
  if (batch.ends) endSets(load);
}

function loadSet(load: Load, { rows, places }: RowSet, indexes: IndexPlan): void {
  const { entry, writer, inHand, origin, sums } = load;
  const count = places.length / PLACE_NUMBERS;
  if (!indexes.scattered && writer.insertPlain(entry.dataset, rows, count, origin)) {
    sums.inserted += count;
    return;
  }
  inHand.add(places);
  writer.stage(entry.dataset, rows);
  // Only rows that are to be sorted gain by waiting for others.
  if (!indexes.scattered) mergeStaged(load);
}

/** Merges the rows whose keys stand in an earlier set: the second ones when all first ones are in, and so on. */
function endSets(load: Load): void {
  const { entry, writer, inHand } = load;
  mergeStaged(load);
  for (const sets of load.again.splice(0)) {
    for (const { rows, places } of sets) {
      inHand.add(places);
      writer.stage(entry.dataset, rows);
    }
    mergeStaged(load);
  }
}

/** Merges what was staged and is not merged yet. */
function mergeStaged(load: Load): void {
  const { entry, writer, inHand, origin, tally, sums } = load;
  if (inHand.count() === 0) return;
  const merged = writer.merge(entry.dataset, origin);
  sums.inserted += merged.inserted;
  sums.updated += merged.updated;
  sums.unchanged += merged.unchanged;
  sums.stale += merged.stale;
  sums.waiting += merged.orphans;
  for (const line of merged.orphanLines) tally.add('missing_parent', line);
  for (const { line, key } of merged.refused) {
    const place = { line, byteOffset: inHand.byteOffset(line), byteLength: inHand.byteLength(line) };
    // What the database says of it could quote the row (P8).
    reject(load, { ...place, key, code: 'constraint', column: null, reason: REJECT_CODES.constraint });
  }
  inHand.clear();
}

function reject(load: Load, rejected: ParsedReject): void {
  const { entry, source, survey, tally, writer, origin } = load;
  tally.addRejected(rejected);
  writer.reject(origin.fileId, entry.dataset.name, withRaw(rejected, source, survey.encoding));
}

/** A rejected row as it is kept: its raw text is read from the file again, so that no more than one is ever held. */
export function withRaw({ byteLength, ...row }: ParsedReject, source: Source, encoding: Encoding): RejectedRow {
  return { ...row, raw: source.row(row.byteOffset, byteLength, encoding) };
}

const ROUNDING = 1e-6;

function requireFewBadRows(store: Store, counts: RowCounts): void {
  const { maxBadRows } = store.feed;
  // A share such as 0.29 of 100 is a little less than 29 in binary.
  if (counts.rejected <= counts.read * maxBadRows + ROUNDING) return;
  throw new FileRefused(
    'bad_rows',
    `${counts.rejected} of its ${counts.read} rows were rejected; the feed allows ${Number((maxBadRows * 100).toFixed(6))} %`,
  );
}

function complete(
  load: Load,
  counts: RowCounts,
  parsed: ParsedFile,
): Pick<LoadedFile, 'late' | 'extra' | 'newExtra' | 'drift' | 'warnings'> {
  const { store, entry, origin, tally, options } = load;
  const { totals, dialect, extra, lastRow } = parsed.end;
  const news = formatNews(lastFormat(store, entry.dataset), { dialect, extra });
  const format = { dialect: JSON.stringify(dialect), extra: JSON.stringify(extra) };
  const warnings = warnOfCut(lastRow, () => lastRowsEnd(store, entry));
  const lastRowEnded = lastRow?.ended ?? null;
  const kept = { counts, ...totals, ...format, rejectCounts: tally.counts(), warnings, lastRowEnded };
  const { late } = completeFile(store, origin.fileId, entry, kept, options.now());
  return { late, extra, ...news, warnings };
}

/** Lets signals and messages in between two batches. */
async function breathe(load: Load, phase: 'reading' | 'healing', rows: number, bytesRead: number): Promise<void> {
  const { options, entry, survey } = load;
  await nextTurn();
  if (options.stop.aborted) throw new GivenUp();
  options.onProgress({ name: entry.name, rows, bytesRead, bytesTotal: survey.bytes, phase });
}
