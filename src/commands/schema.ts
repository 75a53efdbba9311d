import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadFeed } from '../feed/load.ts';
import type { SqlDialect } from '../feed/sql-files.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_REFUSED } from '../model/exit-codes.ts';
import type { Feed } from '../model/feed.ts';
import { erDiagram } from '../output/er-diagram.ts';
import type { Settings } from '../settings/settings.ts';
import type { MigrationPlan } from '../store/migration-plan.ts';
import { dialectOf, diffDatabase, migrationText, planNextMigration, schemaText } from '../store/schema.ts';
import { spellDifference } from '../store/table-differences.ts';
import type { CommandIo } from '../system/io.ts';

/** What `schema` takes. */
export interface SchemaOptions {
  readonly settings: Settings;
  /** `print` the DDL or the `diagram`, `write` the next migration, or say the `diff` between the database and the feed. */
  readonly action: 'print' | 'diagram' | 'write' | 'diff';
}

/**
 * Shows or brings on the tables of a feed.
 * @returns 0; of a diff 3 when something differs
 * @throws LandfallError when the feed or its migrations are wrong, or a change cannot be written
 */
export async function schema({ settings, action }: SchemaOptions, io: CommandIo): Promise<number> {
  const feed = loadFeed(settings.feed, settings.env);
  switch (action) {
    case 'print':
      io.stdout.write(schemaText(feed, dialectOf(settings.db)));
      return 0;
    case 'diagram':
      io.stdout.write(erDiagram(feed));
      return 0;
    case 'write':
      return await write(feed, dialectOf(settings.db), io);
    case 'diff':
      return await diff(feed, settings.db, io);
  }
}

async function diff(feed: Feed, db: string, { stdout }: CommandIo): Promise<number> {
  const differences = await diffDatabase(db, feed);
  const lines = differences.map((difference) => `${spellDifference(difference)}\n`);
  stdout.write(lines.length === 0 ? `the database has the tables of the feed ${feed.name}\n` : lines.join(''));
  return lines.length === 0 ? 0 : EXIT_REFUSED;
}

/** Writes the next migration for each dialect that the feed has migrations for, and for that of the database. */
async function write(feed: Feed, dialect: SqlDialect, { stdout, stderr, cwd }: CommandIo): Promise<number> {
  const dialects = (['sqlite', 'postgres'] as const).filter(
    (each) => each === dialect || existsSync(join(feed.folder, 'migrations', each)),
  );
  const plans = await Promise.all(dialects.map((each) => planNextMigration(feed, each)));
  requireSafe(feed, plans);
  const notes = new Set(plans.flatMap((plan) => plan.notes));
  for (const note of notes) stderr.write(`${note}\n`);
  const number = nextNumber(feed);
  const written = dialects.flatMap((each, index) => {
    const plan = plans[index];
    if (plan === undefined || plan.statements.length === 0) return [];
    const file = join(feed.folder, 'migrations', each, `${number}_${nameOf(feed, plan, number)}.sql`);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, migrationText(feed, each, plan), { flag: 'wx' });
    return [file];
  });
  for (const file of written) stdout.write(`written: ${relative(cwd, file)}\n`);
  stdout.write(
    written.length === 0
      ? 'nothing to write: the migrations give what the feed says\n'
      : 'review and commit; the next start applies it\n',
  );
  return 0;
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
