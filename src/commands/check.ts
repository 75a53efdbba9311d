import { EXIT_FAILED, EXIT_REFUSED } from '../exit-codes.ts';
import { loadFeed } from '../feed/load.ts';
import { isRefused } from '../ingest/outcome.ts';
import { type Rehearsal, rehearse } from '../ingest/rehearse.ts';
import type { CommandIo } from '../io.ts';
import { listNamed } from '../landing/list-named.ts';
import { holdFuture } from '../landing/order.ts';
import type { Settings } from '../settings.ts';
import { closeStore, databaseIsThere, openForRehearsal } from '../store/open.ts';
import { printable } from '../terminal.ts';

/** What `check` takes. */
export interface CheckOptions {
  readonly settings: Settings;
  readonly files: readonly string[];
  readonly json: boolean;
  /** Show the keys of missing parents, which are values of rows. */
  readonly raw: boolean;
}

/** Lines listed for each kind of finding before the rest is only counted. */
const LISTED = 20;

/**
 * Says what an ingest of the files would do, in the order they would be taken, without doing it and without the write lock.
 * @returns 0 when every file would go in whole (rows may wait), 3 when a file or a row would be refused or a file held
 * @throws LandfallError for a file that cannot be read or a name that is not the feed's
 */
export async function check(options: CheckOptions, io: CommandIo): Promise<number> {
  const { settings } = options;
  const feed = loadFeed(settings.feed);
  const { files, problems } = listNamed(feed, options.files);
  // One wrong name does not keep the others from being checked.
  for (const problem of problems) io.stderr.write(`landfall: ${printable(problem.message)}\n`);
  if (!databaseIsThere(settings.db)) {
    io.stderr.write(
      `landfall: there is no database at ${printable(settings.db)}: checked against an empty one (--db names another)\n`,
    );
  }
  const { due, held } = holdFuture(files, io.now().getTime());
  const store = openForRehearsal({
    file: settings.db,
    feed,
    migrations: `${io.program.root}/migrations`,
    program: io.program.version,
  });
  let refused = held.length > 0;
  const results: unknown[] = held.map(({ name, dataset, code, reason }) => ({
    name,
    dataset,
    outcome: { kind: 'held', code, reason },
  }));
  if (!options.json) {
    for (const { name, code, reason } of held) {
      io.stdout.write(`${printable(name)}: would be held (${code}): ${printable(reason)}\n`);
    }
  }
  try {
    for await (const rehearsal of rehearse(store, due, {
      afresh: false,
      stop: io.stop,
      onProgress: () => undefined,
      now: io.now,
    })) {
      const { outcome } = rehearsal;
      if (outcome.kind === 'given_up') return EXIT_FAILED;
      refused ||= outcome.kind === 'moved' || isRefused(outcome);
      if (options.json) results.push(toJson(rehearsal, options.raw));
      else io.stdout.write(`${describe(rehearsal, options.raw).join('\n')}\n`);
    }
  } finally {
    closeStore(store);
  }
  if (options.json) io.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (problems.length > 0) return EXIT_FAILED;
  return refused ? EXIT_REFUSED : 0;
}

function toJson({ file, outcome, report }: Rehearsal, raw: boolean): unknown {
  const would = {
    ...('code' in outcome ? { code: outcome.code } : {}),
    ...('reason' in outcome ? { reason: outcome.reason } : {}),
    ...(outcome.kind === 'ingested' ? { late: outcome.late, counts: outcome.counts } : {}),
  };
  const waiting = report?.waiting.map(({ line, parentTable, parentKey }) => ({
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

function describe({ file, outcome, report }: Rehearsal, raw: boolean): readonly string[] {
  const name = printable(file.name);
  switch (outcome.kind) {
    case 'unchanged':
      return [`${name}: nothing to do, the same bytes are in already`];
    case 'quarantined':
      return [
        `${name}: would be quarantined (${outcome.code}): ${printable(outcome.reason)}`,
        ...outcome.rejects.map(rejectLine),
      ];
    case 'moved':
      return [`${name}: ${outcome.reason}; check it again when it is still`];
    case 'given_up':
      return [];
    case 'ingested':
      break;
  }
  const { counts } = outcome;
  const late = outcome.late ? ', late' : '';
  const lines = [
    `${name}: ${counts.read} rows${late}: ${counts.inserted} inserted, ${counts.updated} updated, ${counts.unchanged} unchanged, ` +
      `${counts.stale} stale, ${counts.rejected} rejected, ${counts.waiting} waiting`,
  ];
  if (report === null) return lines;
  lines.push(...listed('update', report.updates, (row) => `line ${row.line}: ${row.columns.join(', ')}`));
  lines.push(
    ...listed(
      'reject',
      report.rejected,
      (row) =>
        `line ${row.line}: ${row.code}${row.column === null ? '' : ` in ${row.column}`}: ${printable(row.reason)}`,
    ),
  );
  lines.push(
    ...listed(
      'wait',
      report.waiting,
      (row) => `line ${row.line}: for ${row.parentTable}${raw ? ` ${printable(row.parentKey)}` : ''}`,
    ),
  );
  lines.push(...report.heals.map((heal) => `  heal    ${heal.rows} waiting rows of ${heal.dataset}`));
  return lines;
}

function listed<T>(word: string, rows: readonly T[], text: (row: T) => string): readonly string[] {
  const lines = rows.slice(0, LISTED).map((row) => `  ${word.padEnd(7)} ${text(row)}`);
  return rows.length > LISTED
    ? [...lines, `  ${word.padEnd(7)} … and ${rows.length - LISTED} more (--json lists them all)`]
    : lines;
}

function rejectLine(reject: { code: string; rows: number; firstLines: readonly number[] }): string {
  return `  reject  ${reject.rows} rows: ${reject.code}, first on line ${reject.firstLines.join(', ')}`;
}
