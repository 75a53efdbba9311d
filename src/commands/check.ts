import { WARNING_CODES } from '../model/codes.ts';
import { EXIT_FAILED, EXIT_REFUSED } from '../model/exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import { isRefused } from '../model/ingest.ts';
import { bindProtection } from '../ingest/bind-protection.ts';
import { readFeedKey } from '../protection/feed-key.ts';
import { type DryRun, dryRun } from '../ingest/dry-run.ts';
import { linesText, listWarnings } from '../model/warnings.ts';
import type { CommandIo } from '../system/io.ts';
import { listNamed } from '../landing/list-named.ts';
import { holdFuture } from '../landing/order.ts';
import { withoutPassword } from '../settings/database-url.ts';
import type { Settings } from '../settings/settings.ts';
import { databaseIsThere, openRehearsal } from '../store/open.ts';
import { storePlace } from '../worker/database-session.ts';
import type { UnreadName } from '../model/ledger.ts';
import { printable } from '../output/terminal.ts';
import { fitted } from '../output/width.ts';
import { jsonElement, mapped } from '../output/json.ts';
import { outputSink, sendPieces } from '../output/sink.ts';

/** What `check` takes. */
export interface CheckOptions {
  readonly settings: Settings;
  readonly files: readonly string[];
  readonly json: boolean;
  /** Show the keys of missing parents, which are values of rows. */
  readonly raw: boolean;
}

/** Lines listed for each kind of finding before the rest is only counted. */
const LISTED = 10;

/**
 * Says what an ingest of the files would do, in the order they would be taken, without doing it and without the write lock.
 * @returns 0 when every file would go in whole (rows may wait), 3 when a file or a row would be refused or a file held
 * @throws LandfallError for a file that cannot be read or a name that is not the feed's
 */
export async function check(options: CheckOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const feed = loadFeed(settings.feed, settings.env);
  const protection = readFeedKey(feed, settings.keyFile);
  const { files, problems } = listNamed(feed, options.files);
  // One wrong name does not keep the others from being checked.
  for (const problem of problems) notice(io, printable(problem.message));
  if (!(await databaseIsThere(settings.db))) {
    const place = printable(withoutPassword(settings.db));
    notice(io, `there is no database at ${place}: checked against an empty one (--db names another)`);
  }
  const { due, held } = holdFuture(files, io.now().getTime());
  const rehearsal = await openRehearsal(storePlace(settings, io, feed));
  const sink = outputSink(io.stdout);
  let shown = 0;
  const show = async (found: UnreadName | DryRun): Promise<void> => {
    await sendPieces(sink, options.json ? elementOf(found, shown, options.raw) : textOf(io, found, options.raw));
    shown += 1;
  };
  let refused = held.length > 0;
  try {
    for (const file of held) await show(file);
    const ingest = { afresh: false, stop: io.stop, onProgress: () => undefined, now: io.now, protection };
    await bindProtection(rehearsal.store, feed, protection);
    for await (const run of dryRun(rehearsal, due, ingest)) {
      const { outcome } = run;
      if (outcome.kind === 'given_up') return EXIT_FAILED;
      refused ||= outcome.kind === 'changed' || isRefused(outcome);
      await show(run);
      if (sink.gone()) break;
    }
    if (options.json) await sink.send(shown === 0 ? '[]\n' : '\n]\n');
    await sink.close();
  } finally {
    await rehearsal.close();
  }
  if (problems.length > 0) return EXIT_FAILED;
  return refused ? EXIT_REFUSED : 0;
}

function notice({ stderr }: CommandIo, text: string): void {
  stderr.write(`${fitted(stderr, `landfall: ${text}`)}\n`);
}

/** The file as an element of a JSON list, with what stands before it. */
async function* elementOf(found: UnreadName | DryRun, before: number, raw: boolean): AsyncGenerator<string, void> {
  yield before === 0 ? '[\n  ' : ',\n  ';
  yield* jsonElement('outcome' in found ? toJson(found, raw) : heldToJson(found));
}

function heldToJson({ name, dataset, code, reason }: UnreadName): object {
  return { name, dataset, outcome: { kind: 'held', code, reason } };
}

function toJson({ file, outcome, report }: DryRun, raw: boolean): object {
  const would = {
    ...('code' in outcome ? { code: outcome.code } : {}),
    ...('reason' in outcome ? { reason: outcome.reason } : {}),
    ...(outcome.kind === 'ingested'
      ? { late: outcome.late, counts: outcome.counts, warnings: outcome.warnings, extra: outcome.extra }
      : {}),
  };
  const waiting =
    report &&
    mapped(report.waiting, ({ line, parentTable, parentKey }) => ({
      line,
      parent_table: parentTable,
      ...(raw ? { parent_key: parentKey } : {}),
    }));
  return {
    name: file.name,
    dataset: file.dataset.name,
    outcome: { kind: outcome.kind, ...would },
    ...(report === null ? {} : { ...report, waiting }),
  };
}

/** The file as text, as it fits on the output. */
async function* textOf({ stdout }: CommandIo, found: UnreadName | DryRun, raw: boolean): AsyncGenerator<string, void> {
  for await (const line of linesOf(found, raw)) yield `${fitted(stdout, line.trimEnd())}\n`;
}

/** The file as text, a line at a time. */
async function* linesOf(found: UnreadName | DryRun, raw: boolean): AsyncGenerator<string, void> {
  if (!('outcome' in found)) {
    yield `${printable(found.name)}: would be held (${found.code}): ${printable(found.reason)}\n`;
    return;
  }
  const { outcome, report } = found;
  const name = printable(found.file.name);
  switch (outcome.kind) {
    case 'unchanged':
      yield `${name}: nothing to do, the same bytes are in already\n`;
      return;
    case 'quarantined':
      yield `${name}: would be quarantined (${outcome.code}): ${printable(outcome.reason)}\n`;
      yield* outcome.rejects.map(rejectLine);
      return;
    case 'changed':
      yield `${name}: ${outcome.reason}; check it again when it is still\n`;
      return;
    case 'given_up':
    case 'claimed':
    case 'taken':
      return;
    case 'ingested':
      break;
  }
  const { counts } = outcome;
  const late = outcome.late ? ', late' : '';
  yield (
    `${name}: ${counts.read} rows${late}: ${counts.inserted} inserted, ${counts.updated} updated, ` +
    `${counts.unchanged} unchanged, ${counts.stale} stale, ${counts.rejected} rejected, ${counts.waiting} waiting\n`
  );
  for (const { code, ...warning } of listWarnings(outcome.warnings))
    yield `  warning ${linesText(warning)}: ${code}: ${WARNING_CODES[code]}\n`;
  const unrun = found.file.dataset.checks.filter(({ on }) => on === 'tables').map(({ name }) => name);
  if (unrun.length > 0) yield `  check   not run here, since it is run on the whole tables: ${unrun.join(', ')}\n`;
  yield* listed('column', outcome.extra, (cell) => `${printable(cell)}: not known to the feed`);
  if (report === null) return;
  yield* listed('update', report.updates, ({ line, columns }) => `line ${line}: ${columns.join(', ')}`);
  yield* listed('reject', report.rejected, ({ line, code, column, reason }) => {
    return `line ${line}: ${code}${column === null ? '' : ` in ${column}`}: ${printable(reason)}`;
  });
  yield* listed('wait', report.waiting, ({ line, parentTable, parentKey }) => {
    return `line ${line}: for ${parentTable}${raw ? ` ${printable(parentKey)}` : ''}`;
  });
  for (const heal of report.heals) yield `  heal    ${heal.rows} waiting rows of ${heal.dataset}\n`;
}

/** The first rows, and how many more there are. */
async function* listed<T>(
  word: string,
  rows: Iterable<T> | AsyncIterable<T>,
  text: (row: T) => string,
): AsyncGenerator<string, void> {
  let count = 0;
  for await (const row of rows) {
    count += 1;
    if (count <= LISTED) yield `  ${word.padEnd(7)} ${text(row)}\n`;
  }
  if (count > LISTED) yield `  ${word.padEnd(7)} … and ${count - LISTED} more (--json lists them all)\n`;
}

function rejectLine(reject: { code: string; rows: number; firstLines: readonly number[] }): string {
  return `  reject  ${reject.rows} rows: ${reject.code}, first on line ${reject.firstLines.join(', ')}\n`;
}
