import Database from 'better-sqlite3';
import { feedViews, filledHash, type ViewFile } from '../../feed/sql-files.ts';
import { LandfallError } from '../../model/errors.ts';
import type { Feed } from '../../model/feed.ts';
import { quoteName } from '../sql-names.ts';

/** Whether the database has the views that stand in the feed's folder, and no others of this feed. */
export function viewsAreAsWritten(db: Database.Database, feed: Feed): boolean {
  const wanted = feedViews(feed, 'sqlite').map((view) => `${view.view} ${filledHash(view)}`);
  const there = recorded(db, feed)
    .filter(({ name }) => isView(db, name))
    .map(({ name, sha256 }) => `${name} ${sha256}`);
  return wanted.sort().join() === there.sort().join() && there.length === recorded(db, feed).length;
}

/** Drops the views that the feed has made. */
export function dropViews(db: Database.Database, feed: Feed): void {
  for (const { name } of recorded(db, feed)) db.exec(`DROP VIEW IF EXISTS ${quoteName(name)}`);
  db.prepare(`DELETE FROM feed_schema WHERE feed = ? AND kind = 'view'`).run(feed.name);
}

/**
 * Makes the views of the feed.
 * @param run runs a file
 * @throws LandfallError when a file makes no view of its name, or one that cannot be read
 */
export function createViews(db: Database.Database, feed: Feed, run: (view: ViewFile) => void): void {
  const record = db.prepare(
    `INSERT INTO feed_schema (feed, kind, name, sha256, applied_at) VALUES (?, 'view', ?, ?, ?)`,
  );
  const views = feedViews(feed, 'sqlite');
  for (const view of views) {
    run(view);
    if (!isView(db, view.view)) {
      throw new LandfallError('make view', `it does not make the view ${view.view}`, {
        file: view.path,
        hint: `it holds one statement: CREATE VIEW ${view.view} AS SELECT …`,
      });
    }
    record.run(feed.name, view.view, filledHash(view), new Date().toISOString());
  }
  // A view may read one that is made after it, so only now all can be tried.
  for (const view of views) requireReadable(db, view);
}

function recorded(db: Database.Database, feed: Feed): readonly { name: string; sha256: string }[] {
  return db
    .prepare<[string], { name: string; sha256: string }>(
      `SELECT name, sha256 FROM feed_schema WHERE feed = ? AND kind = 'view'`,
    )
    .all(feed.name);
}

function isView(db: Database.Database, name: string): boolean {
  return db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ?`).get(name) !== undefined;
}

/** SQLite takes a view of tables and columns that are not there, and says so to whoever reads it. */
function requireReadable(db: Database.Database, { view, path }: ViewFile): void {
  try {
    db.prepare(`SELECT * FROM ${quoteName(view)}`);
  } catch (error) {
    // A statement that cannot be prepared has met no row: its message names tables and columns only.
    if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_ERROR') throw error;
    throw new LandfallError('make view', error.message, {
      file: path,
      hint: 'correct it and start again',
      cause: error,
    });
  }
}
