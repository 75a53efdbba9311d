/**
 * The tables of the ledger that are read, and rehearsed on; the same for every feed. A migration that adds one adds it here. `copies` is
 * none of them: only who writes the archive asks for it.
 */
export const LEDGER_TABLES = [
  'files',
  'rejects',
  'waiting_on',
  'checkpoints',
  'attempts',
  'retries',
  'decisions',
  'protections',
] as const;

/** Columns that were added to them later: a database that an older program set up lacks them. A migration that adds one adds it here. */
export const LATER_COLUMNS: Readonly<Partial<Record<(typeof LEDGER_TABLES)[number], readonly string[]>>> = {
  files: ['warnings', 'last_row_ended', 'taken_at'],
  attempts: ['deaths', 'died_at', 'unread'],
};
