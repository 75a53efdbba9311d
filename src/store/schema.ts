import { feedChecks, feedMigrations, feedViews, type SqlDialect, type SqlFile } from '../feed/sql-files.ts';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import { isUrl } from '../settings/database-url.ts';
import type { Ddl } from './ddl.ts';
import { type MigrationPlan, planMigration } from './migration-plan.ts';
import type { FoundTable } from './found-tables.ts';
import { POSTGRES_DDL } from './postgres/ddl.ts';
import { SQLITE_DDL } from './sqlite/ddl.ts';
import { type Difference, findDifferences } from './table-differences.ts';
import { tablesOf } from './table-model.ts';

/** How each kind of database is told of tables. */
export const DDL: Readonly<Record<SqlDialect, Ddl>> = { sqlite: SQLITE_DDL, postgres: POSTGRES_DDL };

/** The dialect of the database that the setting `db` names. */
export function dialectOf(db: string): SqlDialect {
  return isUrl(db) ? 'postgres' : 'sqlite';
}

/** The tables of a feed and their indexes, as SQL. */
export function tablesText(feed: Feed, dialect: SqlDialect): string {
  const ddl = DDL[dialect];
  const tables = tablesOf(feed).map(
    (table) => ddl.createTable(table) + table.indexes.map((index) => ddl.createIndex(table, index)).join(''),
  );
  return [`${headOf(feed, ddl)}\n`, ...tables].join('\n');
}

/**
 * Makes sure that the checks of a feed can be run on the tables that it says. Those for PostgreSQL are only known to be there: it takes a
 * server to run them.
 * @throws LandfallError naming all that cannot, each with its file and line
 */
export async function requireSoundChecks(feed: Feed, dialect: SqlDialect): Promise<void> {
  if (feedChecks(feed, dialect).length === 0 || dialect === 'postgres') return;
  const { requireSoundChecksOn } = await import('./sqlite/check-queries.ts');
  const views = feedViews(feed, dialect).map(({ sql }) => `${sql.trimEnd().replace(/;$/, '')};\n`);
  requireSoundChecksOn([tablesText(feed, dialect), ...views].join('\n'), feed);
}

function headOf(feed: Feed, ddl: Ddl): string {
  const lineage = 'source_* say which statement a row comes from: the file, its line, its stamp.';
  return [`-- The tables of the feed ${feed.name}. ${lineage}`, ...ddl.preamble].join('\n');
}

/**
 * Plans the next migration of a feed: from what its migrations so far give to what its definition says.
 * @param db the setting, or null: a server is asked only where the migrations for it cannot be run without one
 * @throws LandfallError, DatabaseFault when what they give cannot be found out
 */
export async function planNextMigration(feed: Feed, dialect: SqlDialect, db: string | null): Promise<MigrationPlan> {
  const wanted = tablesOf(feed);
  const names = wanted.map(({ name }) => name);
  const found = await tablesSoFar(feedMigrations(feed, dialect), dialect, db, names);
  return planMigration(findDifferences(wanted, found, DDL[dialect]), DDL[dialect]);
}

async function tablesSoFar(
  migrations: readonly SqlFile[],
  dialect: SqlDialect,
  db: string | null,
  names: readonly string[],
): Promise<readonly FoundTable[]> {
  const { tablesAfter } = await import('./sqlite/scratch-schema.ts');
  const found = tablesAfter(migrations, names, dialect === 'postgres' ? withoutCollation : (sql) => sql);
  if (!('failed' in found)) return found;
  if (dialect === 'postgres' && db !== null && isUrl(db)) {
    const { tablesAfterOnServer } = await import('./postgres/found-tables.ts');
    return await tablesAfterOnServer(db, migrations, names);
  }
  throw new LandfallError('read migration', `what it gives cannot be found out: ${found.problem}`, {
    file: found.failed.path,
    hint:
      dialect === 'postgres'
        ? 'name a server with --db, where it is run and rolled back, or write the next migration by hand'
        : 'write the next migration by hand',
  });
}

/** PostgreSQL's bytewise order is SQLite's own, which has no such name for it. */
function withoutCollation(sql: string): string {
  return sql.replaceAll(/ +COLLATE +"C"/gi, '');
}

/** The text of a migration. */
export function migrationText(feed: Feed, dialect: SqlDialect, plan: MigrationPlan): string {
  const isFirst = plan.statements.every((statement) => statement.startsWith('CREATE TABLE'));
  const head = isFirst ? [headOf(feed, DDL[dialect]), ''] : [];
  return [...head, plan.statements.join(isFirst ? '\n' : '')].join('\n');
}

/**
 * How a database differs from its feed.
 * @throws LandfallError, DatabaseFault when it cannot be read
 */
export async function diffDatabase(db: string, feed: Feed): Promise<readonly Difference[]> {
  const wanted = tablesOf(feed);
  const found = await findTables(
    db,
    wanted.map(({ name }) => name),
  );
  return findDifferences(wanted, found, DDL[dialectOf(db)]);
}

async function findTables(db: string, names: readonly string[]): Promise<readonly FoundTable[]> {
  if (isUrl(db)) {
    const { readServerTables } = await import('./postgres/found-tables.ts');
    return await readServerTables(db, names);
  }
  const { readTables } = await import('./sqlite/found-tables.ts');
  return readTables(db, names);
}

/**
 * The roles that work with a feed's tables on a server, and what each may do, as SQL.
 * @throws LandfallError for a file of SQLite, which has no roles
 */
export async function grantsSql(db: string, feed: Feed): Promise<string> {
  if (!isUrl(db)) {
    const hint = 'name one with --db, e.g. postgres://user@host/database';
    throw new LandfallError('print grants', 'only a database of PostgreSQL has roles', { hint });
  }
  const { grantsText } = await import('./postgres/grants.ts');
  const { serverPlace } = await import('./postgres/server-place.ts');
  return grantsText(feed, serverPlace(db).url.schema);
}
