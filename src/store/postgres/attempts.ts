import type { ClientBase, QueryResult } from 'pg';
import { z } from 'zod';
import { type AttemptedContent, type Mishaps, type Suspect, unreadContent } from '../attempts.ts';
import { isLivingSql } from './daemons.ts';
import type { Statement } from './session.ts';

/**
 * What `Store.openAttempt` does, for whoever has claimed the name: an attempt that another run has left open was ended with its
 * connection. If that run is gone, it has died in the middle of it; if it lives, or has said so a moment ago, it has lost its connection,
 * or its own daemon will say what became of it. Mishaps before and after the SHA-256 is known are mishaps of the same file: they count
 * together.
 * @param run this run of the program
 */
export function openAttempt(run: string, content: AttemptedContent, now: Date): Statement {
  return [OPEN, [content.name, keyOf(content), unreadContent(content.stat), run, now.toISOString()]];
}

/** The new attempt is entered when those before it are out: it is made of them. */
const OPEN = `
  WITH before AS (
    DELETE FROM attempts WHERE name = $1 AND content IN ($2, $3) RETURNING failures, deaths, died_at, process, left_by),
  judged AS (
    SELECT b.*, b.process <> $4 AND ${isLivingSql('b.process')} AS was_left, b.process <> $4 AND NOT ${isLivingSql('b.process')} AS has_died FROM before b)
  INSERT INTO attempts (name, content, unread, failures, deaths, died_at, process, started_at, left_by)
  SELECT $1::text, $2::text, $3::text, coalesce(sum(failures), 0), coalesce(sum(deaths), 0) + count(*) FILTER (WHERE has_died),
    CASE WHEN bool_or(has_died) THEN $5::text ELSE max(died_at) END, $4::text, $5::text,
    coalesce(max(process) FILTER (WHERE was_left), max(left_by))
  FROM judged RETURNING failures, deaths`;

/** What the statement of `openAttempt` gives. */
export function mishapsOf([opened]: readonly QueryResult[]): Mishaps {
  return mishapsSchema.parse(opened?.rows[0]);
}

const mishapsSchema = z.object({ failures: z.int(), deaths: z.int() });

/** What `Store.closeAttempt` does: ends an attempt of this run that did not lead to a commit; `failed` counts it as a failure of the content. */
export function closeAttempt(run: string, content: AttemptedContent, failed: boolean): readonly Statement[] {
  return [
    // Another one may have taken it over, where this one had lost its connection: it lives.
    ['UPDATE attempts SET left_by = NULL WHERE name = $1 AND left_by = $2', [content.name, run]],
    [
      'UPDATE attempts SET process = NULL, failures = failures + $1 WHERE name = $2 AND content = $3 AND process = $4',
      [failed ? 1 : 0, content.name, keyOf(content), run],
    ],
  ];
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
