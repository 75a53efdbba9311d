import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LandfallError } from '../model/errors.ts';
import type { Check } from '../model/check.ts';
import type { Dataset, Feed } from '../model/feed.ts';
import { systemCode } from '../system/system-error.ts';
import { environmentsIn, fillIn } from './environment.ts';

/** The databases that a feed's SQL is written for; each has a folder of that name. */
export type SqlDialect = 'sqlite' | 'postgres';

/** A file of SQL. */
export interface SqlFile {
  /** Without its folder, e.g. `0001_claims.sql`. */
  readonly name: string;
  readonly path: string;
  /** The number at its beginning; null: it has none. */
  readonly version: number | null;
  /** As it is run: with the values of the environment. */
  readonly sql: string;
  /** SHA-256 (hex) of the text as it is written. */
  readonly sha256: string;
}

/** A view of a feed: its file holds the one statement that makes it. */
export interface ViewFile extends SqlFile {
  /** The view's name: that of the file, without a number that may stand before it for the order. */
  readonly view: string;
}

/** A check of a feed: its file holds the one query. */
export interface CheckFile extends SqlFile {
  readonly check: Check;
  readonly dataset: Dataset;
}

/**
 * The migrations in a folder, `NNNN_name.sql`, in the order of their numbers.
 * @throws LandfallError when the folder or a file cannot be read, a name has another form, or two have one number
 */
export function readMigrations(folder: string): readonly SqlFile[] {
  const names = sqlNamesIn(folder);
  if (names === null) throw new LandfallError('migrate', 'the folder of migrations is not there', { file: folder });
  const files = names.map((name) => {
    const version = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1];
    if (version === undefined)
      throw new LandfallError('migrate', 'the name is not NNNN_name.sql', { file: join(folder, name) });
    return readSqlFile(folder, name, Number(version));
  });
  files.sort((a, b) => (a.version ?? 0) - (b.version ?? 0));
  const twin = files.find((file, index) => file.version === files[index - 1]?.version);
  if (twin !== undefined)
    throw new LandfallError('migrate', 'another migration has the same number', { file: twin.path });
  return files;
}

/**
 * The migrations of a feed, with the values of its environment.
 * @throws LandfallError as `readMigrations` does, and when the environment lacks a value; a folder that is not there is an empty one
 */
export function feedMigrations(feed: Feed, dialect: SqlDialect): readonly SqlFile[] {
  const folder = join(feed.folder, 'migrations', dialect);
  return sqlNamesIn(folder) === null ? [] : readMigrations(folder).map((file) => withValues(feed, file));
}

/**
 * The views of a feed, with the values of its environment, in the order in which they are made: that of their files' names.
 * @throws LandfallError when a file cannot be read, its name is not `name.sql` or `NN_name.sql`, or the environment lacks a value
 */
export function feedViews(feed: Feed, dialect: SqlDialect): readonly ViewFile[] {
  const folder = join(feed.folder, 'views', dialect);
  const views = (sqlNamesIn(folder) ?? []).sort().map((name) => {
    const view = /^(?:\d+_)?([a-z][a-z0-9_]*)\.sql$/.exec(name)?.[1];
    if (view === undefined) {
      const hint = 'the file has the name of its view, e.g. open_rejects.sql or 02_open_rejects.sql';
      throw new LandfallError('read view', 'the name is not name.sql', { file: join(folder, name), hint });
    }
    return { ...withValues(feed, readSqlFile(folder, name, null)), view };
  });
  const twin = views.find(({ view }, index) => views.findIndex((other) => other.view === view) < index);
  if (twin !== undefined) throw new LandfallError('read view', 'another file makes this view', { file: twin.path });
  return views;
}

/** SHA-256 (hex) of a view's text with the values of the environment: with other values it is another view. */
export function filledHash({ sql }: ViewFile): string {
  return createHash('sha256').update(sql).digest('hex');
}

/**
 * The checks of a feed, with the values of its environment, those of a dataset in the order in which they are run.
 * @throws LandfallError naming each that has no file for the dialect, or when a file cannot be read or the environment lacks a value
 */
export function feedChecks(feed: Feed, dialect: SqlDialect): readonly CheckFile[] {
  const folder = join(feed.folder, 'checks', dialect);
  const checks = feed.datasets.flatMap((dataset) => dataset.checks.map((check) => ({ check, dataset })));
  if (checks.length === 0) return [];
  const there = sqlNamesIn(folder) ?? [];
  const missing = checks.flatMap(({ check }) => (there.includes(`${check.name}.sql`) ? [] : [`${check.name}.sql`]));
  if (missing.length > 0)
    throw new LandfallError('read checks', `lacks ${missing.join(', ')}, which feed.yaml names under checks`, {
      file: folder,
      hint: 'a check has a file for each kind of database that the feed is used with',
    });
  return checks.map((named) => ({
    ...named,
    ...withValues(feed, readSqlFile(folder, `${named.check.name}.sql`, null)),
  }));
}

/** The names and texts of all files of checks, of both dialects, as they are written. @throws LandfallError when one cannot be read */
export function readCheckTexts(folder: string): readonly { readonly name: string; readonly text: string }[] {
  return (['postgres', 'sqlite'] as const).flatMap((dialect) => {
    const place = join(folder, 'checks', dialect);
    const names = (sqlNamesIn(place) ?? []).sort();
    return names.map((name) => ({
      name: `checks/${dialect}/${name}`,
      text: readSqlFile(place, name, null).sql,
    }));
  });
}

/** Null: there is no such folder. */
function sqlNamesIn(folder: string): string[] | null {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.sql'));
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return null;
    throw new LandfallError('migrate', 'the folder cannot be read', { file: folder, cause });
  }
}

function readSqlFile(folder: string, name: string, version: number | null): SqlFile {
  const path = join(folder, name);
  try {
    const sql = readFileSync(path, 'utf8');
    return { name, path, version, sql, sha256: createHash('sha256').update(sql).digest('hex') };
  } catch (cause) {
    throw new LandfallError('migrate', 'the file cannot be read', { file: path, cause });
  }
}

function withValues(feed: Feed, file: SqlFile): SqlFile {
  const { text, missing } = fillIn(file.sql, feed.values);
  if (missing.length === 0) return { ...file, sql: text };
  const problem = `the environment has no value for ${[...new Set(missing)].join(', ')}`;
  const hint = `name one that has it with --env; there ${environmentsIn(feed.folder)}`;
  throw new LandfallError('migrate', problem, { file: file.path, hint });
}
