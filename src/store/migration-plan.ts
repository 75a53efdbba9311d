import type { Ddl } from './ddl.ts';
import { type Difference, spellDifference } from './table-differences.ts';

/** What the next migration of a feed holds. */
export interface MigrationPlan {
  /** In the order in which they are run. */
  readonly statements: readonly string[];
  /** The tables that they make or change. */
  readonly tables: readonly string[];
  /** What no statement can do without harm to the rows that are there, each with the way out. */
  readonly unsafe: readonly string[];
  /** What stays as it is, and is no harm. */
  readonly notes: readonly string[];
}

/** Plans how tables become those that a feed asks for: what is new is added, nothing is dropped, and no row is changed. */
export function planMigration(differences: readonly Difference[], ddl: Ddl): MigrationPlan {
  const statements: string[] = [];
  const tables = new Set<string>();
  const unsafe: string[] = [];
  const notes: string[] = [];
  for (const difference of differences) {
    const why = obstacle(difference);
    if (why !== null) {
      unsafe.push(`${spellDifference(difference)} (${why})`);
      continue;
    }
    const made = statementsFor(difference, ddl);
    if (made.length === 0) notes.push(`${spellDifference(difference)}: it stays`);
    else if ('table' in difference) tables.add(difference.table.name);
    statements.push(...made);
  }
  return { statements, tables: [...tables], unsafe, notes };
}

function statementsFor(difference: Difference, ddl: Ddl): readonly string[] {
  switch (difference.kind) {
    case 'missing_table': {
      const { table } = difference;
      return [ddl.createTable(table) + table.indexes.map((index) => ddl.createIndex(table, index)).join('')];
    }
    case 'missing_column':
      return [ddl.addColumn(difference.table, difference.column)];
    case 'missing_index':
      return [ddl.createIndex(difference.table, difference.index)];
    case 'extra_column':
    case 'extra_index':
    case 'other':
      return [];
  }
}

/** Why a difference is nothing to write a migration for without a person, and what that person can do; null: it can be written. */
function obstacle(difference: Difference): string | null {
  switch (difference.kind) {
    case 'missing_column':
      return difference.column.required
        ? 'rows that are there would have nothing in it: leave out required, or write a migration that fills it'
        : null;
    case 'extra_column':
      return difference.column.required && !difference.column.filled
        ? 'new rows would have nothing in it: put it back into the feed, or write a migration that drops it'
        : null;
    case 'other':
      return 'rows that are there may not fit: write a migration for it, or give the column another name';
    case 'missing_table':
    case 'missing_index':
    case 'extra_index':
      return null;
  }
}
