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

/** Those of them that were added later, likewise. */
export const LATER_TABLES: ReadonlySet<string> = new Set<(typeof LEDGER_TABLES)[number]>(['decisions', 'protections']);

/** What a database lacks that an older program has set up: tables, and columns as `table.column`. */
export function lackingLater(columnsOf: (table: string) => readonly string[]): readonly string[] {
  return LEDGER_TABLES.flatMap((table) => {
    const there = columnsOf(table);
    if (there.length === 0) return [table];
    return (LATER_COLUMNS[table] ?? []).filter((name) => !there.includes(name)).map((name) => `${table}.${name}`);
  });
}
