import type { ClientBase } from 'pg';
import { feedViews, filledHash, type ViewFile } from '../../feed/sql-files.ts';
import { LandfallError } from '../../model/errors.ts';
import type { Feed } from '../../model/feed.ts';
import { quoteName } from '../sql-names.ts';

/** Whether the schema has the views that stand in the feed's folder, and no others of this feed. */
export async function viewsAreAsWritten(client: ClientBase, feed: Feed): Promise<boolean> {
  const wanted = feedViews(feed, 'postgres').map((view) => `${view.view} ${filledHash(view)}`);
  const { rows } = await client.query<{ view: string; there: boolean }>(
    `SELECT name || ' ' || sha256 AS view, to_regclass(quote_ident(name)) IS NOT NULL AS there
     FROM feed_schema WHERE feed = $1 AND kind = 'view'`,
    [feed.name],
  );
  const found = rows.filter(({ there }) => there).map(({ view }) => view);
  return wanted.sort().join() === found.sort().join() && found.length === rows.length;
}

/** Drops the views that the feed has made; together, since one may read another. */
export async function dropViews(client: ClientBase, feed: Feed): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `DELETE FROM feed_schema WHERE feed = $1 AND kind = 'view' RETURNING name`,
    [feed.name],
  );
  if (rows.length > 0) await client.query(`DROP VIEW IF EXISTS ${rows.map(({ name }) => quoteName(name)).join(', ')}`);
}

/**
 * Makes the views of the feed, in the order of their files: one may read those before it.
 * @param run runs a file
 * @throws LandfallError when a file makes no view of its name
 */
export async function createViews(
  client: ClientBase,
  feed: Feed,
  run: (view: ViewFile) => Promise<void>,
): Promise<void> {
  for (const view of feedViews(feed, 'postgres')) {
    await run(view);
    const { rows } = await client.query<{ there: boolean }>(
      'SELECT to_regclass(quote_ident($1)) IS NOT NULL AS there',
      [view.view],
    );
    if (rows[0]?.there !== true) {
      throw new LandfallError('make view', `it does not make the view ${view.view}`, {
        file: view.path,
        hint: `it holds one statement: CREATE VIEW ${view.view} AS SELECT …`,
      });
    }
    await client.query(
      `INSERT INTO feed_schema (feed, kind, name, sha256, applied_at) VALUES ($1, 'view', $2, $3, $4)`,
      [feed.name, view.view, filledHash(view), new Date().toISOString()],
    );
  }
}
