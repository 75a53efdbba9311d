/** The tables of the ledger, which are the same for every feed. A migration that adds one adds it here. */
export const LEDGER_TABLES = [
  'files',
  'rejects',
  'waiting_on',
  'checkpoints',
  'attempts',
  'retries',
  'decisions',
] as const;

/** Columns that were added to them later: a database that an older program set up lacks them. A migration that adds one adds it here. */
export const LATER_COLUMNS: Readonly<Partial<Record<(typeof LEDGER_TABLES)[number], readonly string[]>>> = {
  files: ['warnings', 'last_row_ended'],
  attempts: ['deaths', 'died_at', 'unread'],
};
