import pg from 'pg';

/** Errors by which PostgreSQL refuses a row for what is in it (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const REFUSALS: readonly RegExp[] = [
  /^23/, // an integrity constraint, a foreign key too
  /^22/, // a value that does not fit the column's type
  /^21000$/, // a second row for one that the statement has inserted or updated itself
  /^44/, // a view's check option
  /^P0001$/, // what a trigger raises
  /^54000$/, // a value too long for an index
];

/** Whether the database refused a statement for one of the rows in it; every other error is no row's fault. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof RowsLeftOut) return true;
  return error instanceof pg.DatabaseError && REFUSALS.some((pattern) => pattern.test(error.code ?? ''));
}

/** A trigger dropped a row without a word. It must not get lost: it counts as refused. */
export class RowsLeftOut extends Error {
  override readonly name = 'RowsLeftOut';
}
