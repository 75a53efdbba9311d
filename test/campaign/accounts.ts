import type Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { TABLES } from './feeds.ts';

interface LedgerRow {
  readonly file_id: number;
  readonly name: string;
  readonly revision: number;
  readonly dataset: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Set where the file was never ingested, also when a newer revision has replaced it since. */
  readonly reason_code: string | null;
  readonly rows_read: number;
  readonly rows_rejected: number;
  readonly rows_waiting: number;
  readonly outcomes: number;
  readonly divided: number;
  readonly reject_counts: string | null;
}

interface RejectRow {
  readonly reject_id: number;
  readonly line: number;
  readonly byte_offset: number;
  readonly code: string;
  readonly raw: string | Buffer | null;
  readonly state: string;
}

/** Gives a raw text as it was sent; null: it cannot be opened. */
export type OpenRaw = (raw: string | Buffer | null) => string | Buffer | null;

/**
 * The books (P3, P6): the sums in `files` against the rows in the tables and in `rejects`, all counted here from the
 * files' bytes. Holds for files with one row a line, `\n` at each end, no blank lines.
 * @param contents the bytes of every content that ever turned up
 * @param open gives a raw text as it was sent, where it is kept sealed
 * @returns one line for each difference
 */
export function auditAccounts(
  database: Database.Database,
  contents: Iterable<Uint8Array>,
  open: OpenRaw = (raw) => raw,
): string[] {
  const bySha = new Map<string, Buffer>();
  for (const content of contents) bySha.set(createHash('sha256').update(content).digest('hex'), Buffer.from(content));
  const files = database
    .prepare<[], LedgerRow>(
      `SELECT *, rows_inserted + rows_updated + rows_unchanged + rows_stale + rows_rejected + rows_waiting AS outcomes,
         bytes_header + bytes_rows + bytes_refused + bytes_skipped AS divided
       FROM files WHERE revision > 0`,
    )
    .all();
  const problems = files.flatMap((file) => {
    const content = bySha.get(file.sha256);
    const told =
      content === undefined ? ['is not a content that was delivered'] : auditFile(database, file, content, open);
    return told.map((problem) => `${file.name} r${file.revision}: ${problem}`);
  });
  return [...problems, ...auditTables(database), ...auditCheckpoints(database)];
}

/** One file's ledger entry and rejects against its bytes. */
function auditFile(database: Database.Database, file: LedgerRow, content: Buffer, open: OpenRaw): string[] {
  const problems: string[] = [];
  const check = (what: string, found: unknown, expected: unknown): void => {
    if (found !== expected) problems.push(`${what} is ${String(found)}, not ${String(expected)}`);
  };
  check('bytes', file.bytes, content.length);
  const lines = linesOf(content);
  const rejects = database.prepare<[number], RejectRow>('SELECT * FROM rejects WHERE file_id = ?').all(file.file_id);
  for (const reject of rejects) {
    const line = lines[reject.line - 1];
    if (line?.offset !== reject.byte_offset) {
      problems.push(`reject on line ${reject.line} says byte ${reject.byte_offset}, not ${String(line?.offset)}`);
    } else if (reject.state !== 'healed' && !sameText(open(reject.raw), line.text)) {
      problems.push(`reject on line ${reject.line} does not keep the line as it was sent`);
    }
  }
  if (file.reason_code !== null) {
    check('outcomes of a quarantined file', file.outcomes, 0);
    check(
      'state of all rejects',
      rejects.every((reject) => reject.state === 'rejected'),
      true,
    );
    return problems;
  }
  check('rows_read', file.rows_read, lines.length - 1);
  check('sum of outcomes', file.outcomes, lines.length - 1);
  check('sum of bytes', file.divided, content.length);
  const waited = rejects.filter((reject) => reject.code === 'missing_parent');
  check('rows_waiting', file.rows_waiting, waited.length);
  check('rows_rejected', file.rows_rejected, rejects.length - waited.length);
  check(
    'a final reject per rejected row',
    rejects.filter((reject) => reject.state === 'rejected').length,
    file.rows_rejected,
  );
  const counted = Object.values(JSON.parse(file.reject_counts ?? '{}') as Record<string, number>);
  check(
    'sum of reject_counts',
    counted.reduce((sum, count) => sum + count, 0),
    rejects.length,
  );
  return problems;
}

/** A table's row count is the sum of `inserted` plus the healed rows that made a new key. */
function auditTables(database: Database.Database): string[] {
  const dataset = { procedures: 'Procedure', visits: 'Visit', transactions: 'Transaction' };
  return TABLES.flatMap((table) => {
    const count = (sql: string, ...parameters: string[]): number =>
      database
        .prepare<string[], number>(sql)
        .pluck()
        .get(...parameters) ?? 0;
    const rows = count(`SELECT count(*) FROM ${table}`);
    const inserted = count('SELECT total(rows_inserted) FROM files WHERE dataset = ?', dataset[table]);
    const healed = count(`SELECT count(*) FROM rejects WHERE dataset = ? AND healed_as = 'inserted'`, dataset[table]);
    return rows === inserted + healed ? [] : [`${table}: ${rows} rows, but ${inserted} inserted and ${healed} healed`];
  });
}

/** A dataset's checkpoint is the newest stamp ingested. */
function auditCheckpoints(database: Database.Database): string[] {
  return database
    .prepare<[], string>(
      `SELECT dataset || ': checkpoint ' || coalesce(c.stamp, 'none') || ', newest ingested ' || coalesce(n.stamp, 'none')
       FROM (SELECT dataset, max(stamp) AS stamp FROM files WHERE reason_code IS NULL AND revision > 0
             GROUP BY dataset) n
       FULL JOIN checkpoints c USING (dataset) WHERE c.stamp IS NOT n.stamp`,
    )
    .pluck()
    .all();
}

/** The lines of a file with the byte at which each begins. */
function linesOf(content: Buffer): { offset: number; text: string }[] {
  const lines = [];
  for (let offset = 0; offset < content.length;) {
    const found = content.indexOf('\n', offset);
    const end = found < 0 ? content.length : found;
    lines.push({ offset, text: content.toString('utf8', offset, end) });
    offset = end + 1;
  }
  return lines;
}

/** Raw text with or without its line end is the line. */
function sameText(raw: string | Buffer | null, line: string): boolean {
  return raw !== null && raw.toString().replace(/\r?\n$/, '') === line;
}
