import type { ClientBase } from 'pg';
import { type AttemptedContent, type Mishaps, type Suspect, unreadContent } from '../attempts.ts';
import { isLiving } from './daemons.ts';

interface OpenAttempt {
  readonly failures: number;
  readonly deaths: number;
  readonly died_at: string | null;
  readonly process: string | null;
  readonly left_by: string | null;
}

/**
 * As `Store.openAttempt`, for whoever has claimed the name: an attempt that another run has left open was ended with its connection. If
 * that run is gone, it has died in the middle of it; if it lives, or has said so a moment ago, it has lost its connection, or its own
 * daemon will say what became of it.
 * @param run this run of the program
 */
export async function openAttempt(
  client: ClientBase,
  run: string,
  content: AttemptedContent,
  now: Date,
): Promise<Mishaps> {
  const unread = unreadContent(content.stat);
  // Mishaps before and after the SHA-256 is known are mishaps of the same file: they count together.
  const { rows } = await client.query<OpenAttempt>(
    `DELETE FROM attempts WHERE name = $1 AND content IN ($2, $3) RETURNING failures, deaths, died_at, process, left_by`,
    [content.name, keyOf(content), unread],
  );
  let deaths = 0;
  let diedAt: string | null = null;
  let leftBy: string | null = null;
  for (const row of rows) {
    deaths += row.deaths;
    if (row.died_at !== null && (diedAt === null || row.died_at > diedAt)) diedAt = row.died_at;
    leftBy ??= row.left_by;
    if (row.process === null || row.process === run) continue;
    if (await isLiving(client, row.process)) leftBy = row.process;
    else {
      deaths += 1;
      diedAt = now.toISOString();
    }
  }
  const failures = rows.reduce((sum, row) => sum + row.failures, 0);
  await client.query(
    `INSERT INTO attempts (name, content, unread, failures, deaths, died_at, process, started_at, left_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [content.name, keyOf(content), unread, failures, deaths, diedAt, run, now.toISOString(), leftBy],
  );
  return { failures, deaths };
}

/** Ends an attempt of this run that did not lead to a commit; `failed` counts it as a failure of the content. */
export async function closeAttempt(
  client: ClientBase,
  run: string,
  content: AttemptedContent,
  failed: boolean,
): Promise<void> {
  // Another one may have taken it over, where this one had lost its connection: it lives.
  await client.query('UPDATE attempts SET left_by = NULL WHERE name = $1 AND left_by = $2', [content.name, run]);
  await client.query(
    'UPDATE attempts SET process = NULL, failures = failures + $1 WHERE name = $2 AND content = $3 AND process = $4',
    [failed ? 1 : 0, content.name, keyOf(content), run],
  );
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
