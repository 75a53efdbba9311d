import { setImmediate as nextTurn } from 'node:timers/promises';
import { REJECT_CODES } from '../model/codes.ts';
import { FileChanged, FileRefused } from '../model/errors.ts';
import type { Encoding, Feed } from '../model/feed.ts';
import type { IngestedFile, IngestOptions } from '../model/ingest.ts';
import type { RowCounts } from '../model/ledger.ts';
import type { Warnings } from '../model/warnings.ts';
import type { Survey } from '../reader/types.ts';
import type { FileEntry, FileTransaction, LoadedRows, RejectedRow, Store } from '../store/store.ts';
import { formatNews } from './format-news.ts';
import { CHECKS_DUE, hasTableChecks, judgeChecks, whileChecking } from './judge-checks.ts';
import type { LastRow, ParsedBatch, ParsedReject } from './parse.ts';
import { type ParsedFile, parseFile } from './parser.ts';
import type { RejectTally } from './reject-tally.ts';
import type { Source } from './source.ts';
import { FILES_THAT_COUNT, volumeProblem } from './volume.ts';

/** Raised inside an ingest that is told to stop; it is rolled back. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
}

/** What a committed file came to, as far as loading it tells. */
export type LoadedFile = Omit<IngestedFile, 'kind' | 'revision' | 'retried' | 'rejects' | 'ms'>;

/** A file that is about to be loaded. */
export interface SurveyedFile {
  readonly store: Store;
  readonly entry: FileEntry;
  readonly source: Source;
  readonly survey: Survey;
  /** SHA-256 (hex) of its text: of the file, or of what it was unpacked to. */
  readonly textSha256: string;
  /** Counts what is refused, also for the caller when the load fails. */
  readonly tally: RejectTally;
  readonly options: IngestOptions;
  /** Ends when the copy for the archive is durable: nothing is committed before. */
  readonly copied: Promise<void>;
}

/** A file in the middle of its load. */
interface Load extends SurveyedFile {
  readonly transaction: FileTransaction;
  readonly sums: Record<'inserted' | 'updated' | 'unchanged' | 'stale' | 'waiting', number>;
}

/**
 * Reads a file and commits all that follows from it, or rolls all of it back and throws.
 * @throws FileRefused, FileChanged, GivenUp, or what the database or the file raises
 */
export async function loadFile(file: SurveyedFile): Promise<LoadedFile> {
  const { store, entry, source, survey } = file;
  const rowText = (byteOffset: number, byteLength: number) => source.row(byteOffset, byteLength, survey.encoding);
  return await store.transact(entry, rowText, async (transaction) => {
    const sums = { inserted: 0, updated: 0, unchanged: 0, stale: 0, waiting: 0 };
    const load: Load = { ...file, transaction, sums };
    const { read, parsed } = await loadRows(load);
    if (parsed.sha256 !== file.textSha256) throw new FileChanged('its content changed while it was read');
    const checked = await judgeIncoming(load, read);
    addLoaded(load, await transaction.endRows(() => breathe(load, 'reading', read, survey.bytes)));
    const counts = { ...sums, read, rejected: file.tally.rejected() };
    requireFewBadRows(store.feed, counts);
    const volume = await judgeVolume(load, counts);
    const { healed, refused } = await transaction.heal(() => breathe(load, 'healing', counts.read, survey.bytes));
    const news = await complete(load, counts, parsed, { ...volume, ...checked });
    await file.copied;
    // As late as can be: nothing of a file that changed under the reading may be committed (P1).
    source.requireUnchanged();
    return { fileId: transaction.fileId, counts, healed, refusedWaiting: refused, ...news };
  });
}

async function loadRows(load: Load): Promise<{ read: number; parsed: ParsedFile }> {
  const { store, entry, source, survey } = load;
  const options = {
    ...{ dataset: entry.dataset, format: store.feed.format, survey, rowFormat: store.rowFormat },
    ...{ takenAt: new Date(entry.takenAt), hashing: load.options.protection?.hashing ?? null },
  };
  const batches = parseFile(source, survey.bytes, options);
  let read = 0;
  let ended = false;
  try {
    for (;;) {
      const next = await batches.next();
      if (next.done === true) {
        ended = true;
        return { read, parsed: next.value };
      }
      const { value: batch } = next;
      read += batch.read;
      const onPart = () => breathe(load, 'reading', read, batch.bytesRead);
      await loadBatch(load, batch, onPart);
      await onPart();
    }
  } finally {
    // Stops the parsing.
    if (!ended) await batches.throw(new GivenUp()).catch(() => undefined);
  }
}

async function loadBatch(load: Load, batch: ParsedBatch, onPart: () => Promise<void>): Promise<void> {
  const { source, survey, tally, transaction } = load;
  if (batch.rejects.length > 0) {
    for (const row of batch.rejects) tally.addRejected(row);
    await transaction.reject(batch.rejects.values().map((row) => withRaw(row, source, survey.encoding)));
  }
  addLoaded(load, await transaction.load(batch, onPart));
}

function addLoaded({ sums, tally }: Load, loaded: LoadedRows): void {
  sums.inserted += loaded.inserted;
  sums.updated += loaded.updated;
  sums.unchanged += loaded.unchanged;
  sums.stale += loaded.stale;
  sums.waiting += loaded.waitingLines.length;
  for (const line of loaded.waitingLines) tally.add('missing_parent', line);
  for (const row of loaded.refused)
    tally.addRejected({ ...row, code: 'constraint', column: null, reason: REJECT_CODES.constraint });
}

/** A rejected row as it is kept: its raw text is read from the file again, so that no more than one is ever held. */
export function withRaw({ byteLength, ...row }: ParsedReject, source: Source, encoding: Encoding): RejectedRow {
  return { ...row, raw: source.row(row.byteOffset, byteLength, encoding) };
}

const ROUNDING = 1e-6;

function requireFewBadRows({ maxBadRows }: Feed, counts: RowCounts): void {
  // A share such as 0.29 of 100 is a little less than 29 in binary.
  if (counts.rejected <= counts.read * maxBadRows + ROUNDING) return;
  throw new FileRefused(
    'bad_rows',
    `${counts.rejected} of its ${counts.read} rows were rejected; the feed allows ${Number((maxBadRows * 100).toFixed(6))} %`,
  );
}

/**
 * Holds a file whose number of rows is out of line, unless someone has accepted it, or warns of it.
 * @throws FileRefused where the feed says `quarantine`
 */
async function judgeVolume({ entry, transaction, options }: Load, { read }: RowCounts): Promise<Warnings> {
  const rule = entry.dataset.rows;
  if (rule === null) return {};
  const problem = volumeProblem(rule, read, await transaction.lastRowCounts(FILES_THAT_COUNT));
  if (problem === null || (await transaction.isAccepted('volume'))) return {};
  // What is in the archive was let in: the database that a decision stands in may be lost.
  if (rule.severity === 'quarantine' && options.keeping?.kind !== 'kept') throw new FileRefused('volume', problem);
  return { volume: { count: read, lines: [], note: problem } };
}

/**
 * Runs the checks on the file's rows, before they are merged.
 * @throws FileRefused where one holds the file; GivenUp where they are stopped
 */
async function judgeIncoming({ entry, transaction, options, survey }: Load, read: number): Promise<Warnings> {
  if (!entry.dataset.checks.some(({ on }) => on === 'incoming')) return {};
  const bytes = { bytesRead: survey.bytes, bytesTotal: survey.bytes };
  const results = await whileChecking(transaction.checkIncoming(options.stop), () => {
    options.onProgress({ name: entry.name, rows: read, ...bytes, phase: 'checking' });
  });
  if (options.stop.aborted) throw new GivenUp();
  return await judgeChecks(results, {
    isAccepted: (code) => transaction.isAccepted(code),
    isKept: options.keeping?.kind === 'kept',
  });
}

async function complete(
  load: Load,
  counts: RowCounts,
  parsed: ParsedFile,
  found: Warnings,
): Promise<Pick<LoadedFile, 'late' | 'extra' | 'newExtra' | 'drift' | 'warnings'>> {
  const { transaction, tally, options, entry } = load;
  const { totals, dialect, extra, lastRow } = parsed.end;
  const news = formatNews(await transaction.lastFormat(), { dialect, extra });
  const format = { dialect: JSON.stringify(dialect), extra: JSON.stringify(extra) };
  const cut = await warnOfCut(lastRow, () => transaction.lastRowsEnd());
  const warnings = { ...parsed.end.warnings, ...cut, ...found };
  const due = hasTableChecks(entry.dataset) ? CHECKS_DUE : {};
  const lastRowEnded = lastRow?.ended ?? null;
  const kept = {
    counts,
    ...totals,
    ...format,
    rejectCounts: tally.counts(),
    warnings: { ...warnings, ...due },
    lastRowEnded,
  };
  const { late } = await transaction.complete(kept, options.now());
  return { late, extra, ...news, warnings };
}

/**
 * Warns of a file that may have been cut off in the last field of its last row, which then is a whole row all the same.
 * @param othersEnd whether a line end follows the last row in most of the dataset's files
 */
async function warnOfCut(lastRow: LastRow | null, othersEnd: () => Promise<boolean>): Promise<Warnings> {
  // A row that is refused as cut off tells it by itself.
  if (lastRow === null || lastRow.ended || lastRow.refused === 'cut_off' || !(await othersEnd())) return {};
  return { cut_off: { count: 1, lines: [lastRow.line] } };
}

/** Lets signals and messages in between two batches. */
async function breathe(load: Load, phase: 'reading' | 'healing', rows: number, bytesRead: number): Promise<void> {
  const { options, entry, survey } = load;
  await nextTurn();
  if (options.stop.aborted) throw new GivenUp();
  options.onProgress({ name: entry.name, rows, bytesRead, bytesTotal: survey.bytes, phase });
}
