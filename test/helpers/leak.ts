import { expect, onTestFinished } from 'vitest';
import { findLeak } from './billing.ts';
import type { Desk } from './ingest.ts';

/**
 * Fails the running test, when it is over, if all that was logged until then holds a marked value (P8). Every helper that makes
 * a log watches it, so that nothing is logged in the whole suite without being read for this.
 * @param text what was logged, asked for at the end
 */
export function watchForLeaks(text: () => string, whenOver: (check: () => void) => void = onTestFinished): void {
  whenOver(() => {
    // Not the text itself: a test's output holds no value from a row either.
    expect(findLeak(text()), 'where a value from a row was logged').toBeNull();
  });
}

/** Where values may stand in the database: in the tables themselves, and in what is shown with `--raw` only. */
const MAY_HOLD_VALUES: Readonly<Record<string, readonly string[]>> = {
  rejects: ['row_key', 'raw', 'record'],
  waiting_on: ['parent_key'],
};
const LEDGER = ['files', 'rejects', 'waiting_on', 'checkpoints', 'attempts', 'retries', 'schema_migrations'];

/** Numbers and hashes of the file as a whole: any digits may stand in them. */
const NO_VALUES = ['bytes', 'sha256', 'content', 'mtime_ns', 'ctime_ns', 'inode'];

/** Every value of the ledger that anybody may see, as JSON. */
export function openParts(desk: Pick<Desk, 'rows'>): string {
  const rows = LEDGER.flatMap((table) =>
    desk.rows(`SELECT * FROM ${table}`).map((row) => {
      const hidden = [...NO_VALUES, ...(MAY_HOLD_VALUES[table] ?? [])];
      return Object.fromEntries(Object.entries(row).filter(([name]) => !hidden.includes(name)));
    }),
  );
  return JSON.stringify(rows);
}
