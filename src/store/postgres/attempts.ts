import type { ClientBase } from 'pg';
import { type AttemptedContent, type Ending, type Mishaps, type Suspect, unreadContent } from '../attempts.ts';

/** As `Store.openAttempt`. `run` names this run of the program. */
export async function openAttempt(
  client: ClientBase,
  run: string,
  content: AttemptedContent,
  now: Date,
): Promise<Mishaps> {
  const unread = unreadContent(content.stat);
  // Mishaps before and after the SHA-256 is known are mishaps of the same file: they count together.
  const { rows } = await client.query<Mishaps & { diedAt: string | null }>(
    `SELECT coalesce(sum(failures), 0)::integer AS failures, coalesce(sum(deaths), 0)::integer AS deaths, max(died_at) AS "diedAt"
     FROM attempts WHERE name = $1 AND content IN ($2, $3)`,
    [content.name, keyOf(content), unread],
  );
  const { failures, deaths, diedAt } = rows[0] ?? { failures: 0, deaths: 0, diedAt: null };
  await client.query('DELETE FROM attempts WHERE name = $1 AND content IN ($2, $3)', [
    ...[content.name, keyOf(content), unread],
  ]);
  await client.query(
    `INSERT INTO attempts (name, content, unread, failures, deaths, died_at, process, started_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [content.name, keyOf(content), unread, failures, deaths, diedAt, run, now.toISOString()],
  );
  return { failures, deaths };
}

/** Ends an attempt that did not lead to a commit; `failed` counts it as a failure of the content. */
export async function closeAttempt(client: ClientBase, content: AttemptedContent, failed: boolean): Promise<void> {
  await client.query('UPDATE attempts SET process = NULL, failures = failures + $1 WHERE name = $2 AND content = $3', [
    ...[failed ? 1 : 0, content.name, keyOf(content)],
  ]);
}

/** Closes the attempts that the process before this one has left open, each as what it was. */
export async function closeLeftAttempts(client: ClientBase, ending: Ending, now: Date): Promise<void> {
  const close = (set: string) => `UPDATE attempts SET process = NULL${set} WHERE process IS NOT NULL`;
  await client.query(`${close('')} AND started_at <= $1`, [ending.cutShortAt]);
  if (ending.crashed) await client.query(close(', failures = failures + 1'));
  else await client.query(close(', deaths = deaths + 1, died_at = $1'), [now.toISOString()]);
}

/** The files in the middle of which the program has ended at least so many times. */
export async function readSuspects(client: ClientBase, atLeast: number): Promise<readonly Suspect[]> {
  const { rows } = await client.query<Suspect>(
    `SELECT name, unread, sum(deaths)::integer AS deaths, max(died_at) AS "diedAt" FROM attempts
     WHERE unread IS NOT NULL GROUP BY name, unread HAVING sum(deaths) >= $1`,
    [atLeast],
  );
  return rows;
}

function keyOf(content: AttemptedContent): string {
  return content.sha256 ?? unreadContent(content.stat);
}
