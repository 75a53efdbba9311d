import { WARNING_CODES } from '../model/codes.ts';
import { readFileName } from '../feed/file-name.ts';
import type { Feed } from '../model/feed.ts';
import type { IngestOutcome, RejectSummary } from '../model/ingest.ts';
import { listWarnings } from '../model/warnings.ts';
import type { ListedFile } from '../model/listed-file.ts';
import type { Logger } from '../output/log.ts';
import type { RowCounts, UnreadName } from '../model/ledger.ts';

/** What a batch has come to so far. */
export interface BatchTally {
  readonly startedAt: number;
  files: number;
  ingested: number;
  quarantined: number;
  unchanged: number;
  healed: number;
  rows: Record<keyof RowCounts, number>;
}

/** @param monotonic ms */
export function emptyTally(monotonic: number): BatchTally {
  const rows = { read: 0, inserted: 0, updated: 0, unchanged: 0, stale: 0, rejected: 0, waiting: 0 };
  return { startedAt: monotonic, files: 0, ingested: 0, quarantined: 0, unchanged: 0, healed: 0, rows };
}

/** Logs what became of one file: one line, and one more for each reject code. No value from a row (P8). */
export function reportFile(logger: Logger, feed: Feed, file: ListedFile, outcome: IngestOutcome): void {
  const { name } = file;
  switch (outcome.kind) {
    case 'ingested': {
      const { revision, late, counts, healed, ms } = outcome;
      const rowsPerSecond = ms === 0 ? null : Math.round((counts.read * 1000) / ms);
      logger.info({ file: name, revision, late, rows: counts, healed, ms, rowsPerSecond }, 'ingested');
      const meaning = readFileName(feed, name);
      if (meaning.kind === 'taken' && meaning.warning !== null) logger.warn({ file: name }, meaning.warning);
      if (outcome.newExtra.length > 0) {
        const columns = outcome.newExtra.length;
        logger.warn({ file: name, columns }, 'columns that the feed does not know; "landfall files" names them');
      }
      if (outcome.drift.length > 0) {
        logger.warn({ file: name, changed: outcome.drift }, "written in another way than the dataset's last file");
      }
      for (const { code, count, lines } of listWarnings(outcome.warnings))
        logger.warn({ file: name, code, rows: count, lines }, WARNING_CODES[code]);
      if (outcome.refusedWaiting > 0) {
        const line = { file: name, code: 'constraint', rows: outcome.refusedWaiting };
        logger.warn(line, 'waiting rows of earlier files rejected when their parent came');
      }
      reportRejects(logger, name, outcome.rejects);
      return;
    }
    case 'quarantined':
      logger.error({ file: name, revision: outcome.revision, code: outcome.code, ms: outcome.ms }, outcome.reason);
      reportRejects(logger, name, outcome.rejects);
      return;
    case 'unchanged':
      logger.info({ file: name }, 'the same bytes as its latest revision: nothing to do');
      return;
    case 'moved':
      logger.debug({ file: name }, outcome.reason);
      return;
    case 'given_up':
      logger.info({ file: name }, 'given up to stop in time; rolled back, to be read again');
      return;
  }
}

function reportRejects(logger: Logger, file: string, rejects: readonly RejectSummary[]): void {
  for (const { code, rows, firstLines } of rejects) {
    const line = { file, code, rows, lines: firstLines };
    if (code === 'missing_parent') logger.info(line, 'rows wait for a parent');
    else logger.warn(line, 'rows rejected');
  }
}

/** Adds what became of one file to its batch. */
export function addOutcome(tally: BatchTally, outcome: IngestOutcome): void {
  if (outcome.kind === 'moved' || outcome.kind === 'given_up') return;
  tally.files += 1;
  tally[outcome.kind] += 1;
  if (outcome.kind !== 'ingested') return;
  tally.healed += outcome.healed;
  const { counts } = outcome;
  for (const key of ['read', 'inserted', 'updated', 'unchanged', 'stale', 'rejected', 'waiting'] as const) {
    tally.rows[key] += counts[key];
  }
}

/** Logs one line for a batch that is over. */
export function reportBatch(logger: Logger, tally: BatchTally, monotonic: number): void {
  const { files, ingested, quarantined, unchanged, healed, rows } = tally;
  const ms = Math.round(monotonic - tally.startedAt);
  logger.info({ files, ingested, quarantined, unchanged, healed, rows, ms }, 'batch done');
}

/** Logs names that are not read, each once. */
export function reportUnread(logger: Logger, names: readonly UnreadName[]): void {
  for (const { name, code, reason } of names) logger.warn({ file: name, code }, reason);
}
