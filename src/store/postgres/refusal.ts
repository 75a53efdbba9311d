import pg from 'pg';

/** Errors by which PostgreSQL refuses a row for what is in it (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const REFUSALS: readonly RegExp[] = [
  /^23/, // an integrity constraint, a foreign key too
  /^22/, // a value that does not fit the column's type
  /^21000$/, // a second row for one that the statement has inserted or updated itself
  /^44/, // a view's check option
  /^P0/, // what a trigger raises, or does not find
  /^38/, // the same in another language than PL/pgSQL
  /^54000$/, // a value too long for an index
];

/** The classes of the server's own codes. One of another class is the user's, which only a trigger raises. */
const OWN_CLASSES = /^(?:0|10|2|3|4[0-4]|5[3-8]|72|F0|HV|P0|XX)/;

/** Whether the database refused a statement for one of the rows in it; every other error is no row's fault. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof RowsLeftOut) return true;
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return false;
  const { code } = error;
  // What a policy refuses of a row has the code of a missing right.
  if (code === '42501') return error.routine === 'ExecWithCheckOptions';
  return !OWN_CLASSES.test(code) || REFUSALS.some((pattern) => pattern.test(code));
}

/** A trigger dropped a row without a word. It must not get lost: it counts as refused. */
export class RowsLeftOut extends Error {
  override readonly name = 'RowsLeftOut';
}
