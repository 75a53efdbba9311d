import { WARNING_CODES } from '../model/codes.ts';
import { readFileName } from '../feed/file-name.ts';
import type { EventMap, Events } from '../model/events.ts';
import type { Feed } from '../model/feed.ts';
import type { RejectSummary } from '../model/ingest.ts';
import { listWarnings } from '../model/warnings.ts';
import type { Logger } from './log.ts';

/** Logs what becomes of files: a line for each, one more for each of its codes, and one for those taken in one go. */
export function logFiles(events: Events, logger: Logger, feed: Feed): void {
  events.on('file:ingested', (file) => {
    logIngested(logger, feed, file);
  });
  events.on('file:quarantined', ({ file, revision, code, ms, reason, rejects }) => {
    logger.error({ file, revision, code, ms }, reason);
    logRejects(logger, file, rejects);
  });
  events.on('file:unchanged', ({ file }) => {
    logger.info({ file }, 'the same bytes as its latest revision: nothing to do');
  });
  events.on('file:changed', ({ file, reason }) => {
    logger.debug({ file }, reason);
  });
  events.on('file:given_up', ({ file }) => {
    logger.info({ file }, 'given up to stop in time; rolled back, to be read again');
  });
  events.on('files:taken', ({ files, ingested, quarantined, unchanged, healed, rows }, ms) => {
    logger.info({ files, ingested, quarantined, unchanged, healed, rows, ms: Math.round(ms) }, 'files taken');
  });
  events.on('names:unread', (names) => {
    for (const { name, code, reason } of names) logger.warn({ file: name, code }, reason);
  });
}

/** Logs the begin and the end of each fault (P7). */
export function logFaults(events: Events, logger: Logger): void {
  events.on('fault:begin', ({ kind, file, problem }) => {
    logger.warn({ fault: kind, ...(file === null ? {} : { file }) }, problem);
  });
  events.on('fault:end', ({ kind, file, problem }, seconds) => {
    logger.info({ fault: kind, ...(file === null ? {} : { file }), seconds }, `over: ${problem}`);
  });
}

function logIngested(logger: Logger, feed: Feed, ingested: EventMap['file:ingested'][0]): void {
  const { file, revision, retried, counts, healed, ms } = ingested;
  const { read, ...became } = counts;
  const late = ingested.late && !retried;
  const rowsPerSecond = ms === 0 ? null : Math.round((counts.read * 1000) / ms);
  logger.info({ file, revision, late, retried, rows: { read, ...became }, healed, ms, rowsPerSecond }, 'ingested');
  const meaning = readFileName(feed, file);
  if (meaning.kind === 'taken' && meaning.warning !== null) logger.warn({ file }, meaning.warning);
  if (ingested.newColumns > 0) {
    const columns = ingested.newColumns;
    logger.warn({ file, columns }, 'columns that the feed does not know; "landfall files" names them');
  }
  if (ingested.drift.length > 0) {
    logger.warn({ file, changed: ingested.drift }, "written in another way than the dataset's last file");
  }
  for (const { code, count, lines, note } of listWarnings(ingested.warnings))
    logger.warn({ file, code, rows: count, lines, ...(note === undefined ? {} : { note }) }, WARNING_CODES[code]);
  if (ingested.refusedWaiting > 0) {
    const line = { file, code: 'constraint', rows: ingested.refusedWaiting };
    logger.warn(line, 'waiting rows of earlier files rejected when their parent came');
  }
  logRejects(logger, file, ingested.rejects);
}

function logRejects(logger: Logger, file: string, rejects: readonly RejectSummary[]): void {
  for (const { code, rows, firstLines } of rejects) {
    const line = { file, code, rows, lines: firstLines };
    if (code === 'missing_parent') logger.info(line, 'rows wait for a parent');
    else logger.warn(line, 'rows rejected');
  }
}
