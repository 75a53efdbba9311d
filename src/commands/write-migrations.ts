import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SqlDialect } from '../feed/sql-files.ts';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import type { MigrationPlan } from '../store/migration-plan.ts';
import { migrationText, planNextMigration } from '../store/schema.ts';

/** What became of the next migration. */
export interface WrittenMigrations {
  /** The files, one for each dialect that needed one. */
  readonly files: readonly string[];
  /** What differs from the feed and stays as it is. */
  readonly notes: readonly string[];
}

/**
 * Writes the next migration of a feed into its folder, for each of the dialects whose migrations do not give what the feed says.
 * @param db the setting; null: there is none
 * @throws LandfallError, with nothing written, for a change that is not safe for rows that are there
 */
export async function writeMigrations(
  feed: Feed,
  dialects: readonly SqlDialect[],
  db: string | null,
): Promise<WrittenMigrations> {
  const plans = await Promise.all(dialects.map((dialect) => planNextMigration(feed, dialect, db)));
  requireSafe(feed, plans);
  const number = nextNumber(feed);
  const files = dialects.flatMap((dialect, index) => {
    const plan = plans[index];
    if (plan === undefined || plan.statements.length === 0) return [];
    const file = join(feed.folder, 'migrations', dialect, `${number}_${nameOf(feed, plan, number)}.sql`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, migrationText(feed, dialect, plan), { flag: 'wx' });
    return [file];
  });
  return { files, notes: [...new Set(plans.flatMap((plan) => plan.notes))] };
}

function requireSafe(feed: Feed, plans: readonly MigrationPlan[]): void {
  const unsafe = [...new Set(plans.flatMap((plan) => plan.unsafe))];
  if (unsafe.length === 0) return;
  throw new LandfallError('write migration', `nothing is written:\n${unsafe.map((line) => `  ${line}`).join('\n')}`, {
    file: feed.folder,
  });
}

/** The number behind the highest that the feed has in any dialect. */
function nextNumber(feed: Feed): string {
  const folder = join(feed.folder, 'migrations');
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  const numbers = names.map((name) => Number(/(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1] ?? 0));
  return String(Math.max(0, ...numbers) + 1).padStart(4, '0');
}

const LONGEST_NAME = 60;

/** The first is named after the feed, others after the tables that they change. */
function nameOf(feed: Feed, { tables }: MigrationPlan, number: string): string {
  return (Number(number) === 1 ? feed.name : tables.join('_')).slice(0, LONGEST_NAME);
}
