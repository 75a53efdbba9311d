import type { CheckFile } from '../feed/sql-files.ts';
import type { Check } from '../model/check.ts';
import { LandfallError } from '../model/errors.ts';
import type { Dataset } from '../model/feed.ts';

/** What is wrong with the SQL of a check. */
export interface CheckProblem {
  readonly file: CheckFile;
  /** The position in its text, from 0; null: it is not known. */
  readonly at: number | null;
  /** In the database's words, which know no rows yet. */
  readonly problem: string;
}

/** How the rows that a check sees are called, and the column that says where each stands in its file. */
export const INCOMING = { table: 'incoming', line: 'source_line' } as const;

/** What a check must be, where it is something else. */
export const NO_QUERY = 'is no query; a check is one SELECT that returns the rows which make no sense';

/** Of a feed's checks those of a dataset that see the rows of a file, or the tables. */
export function checksOn(checks: readonly CheckFile[], dataset: Dataset, on: Check['on']): readonly CheckFile[] {
  return checks.filter((file) => file.dataset.name === dataset.name && file.check.on === on);
}

/** Whether a text begins as a query does, after comments. That it is one, and writes nothing, is the database's to say. */
export function looksLikeQuery(sql: string): boolean {
  return /^(?:select|with|values)\b/i.test(withoutComments(sql));
}

/** The text behind the comments and blanks that stand before it. */
function withoutComments(sql: string): string {
  let rest = sql.trimStart();
  for (;;) {
    const end = rest.startsWith('--') ? rest.indexOf('\n') : rest.startsWith('/*') ? rest.indexOf('*/') + 1 : null;
    if (end === null) return rest;
    if (end <= 0) return '';
    rest = rest.slice(end + 1).trimStart();
  }
}

/**
 * Refuses a feed for its checks, all of them at once.
 * @throws LandfallError naming each with its file and line
 */
export function requireSound(problems: readonly CheckProblem[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  if (others.length === 0) {
    const { file, at, problem } = first;
    throw new LandfallError('read checks', `${at === null ? '' : `line ${lineAt(file.sql, at)}: `}${problem}`, {
      file: file.path,
    });
  }
  const list = problems.map(({ file, at, problem }) => {
    const line = at === null ? '' : `:${lineAt(file.sql, at)}`;
    return `  ${file.path}${line}: ${problem}`;
  });
  throw new LandfallError('read checks', `${problems.length} checks cannot be run:\n${list.join('\n')}`);
}

function lineAt(sql: string, at: number): number {
  return sql.slice(0, at).split('\n').length;
}
