import type { ClientBase } from 'pg';
import type { CopyNote } from '../../model/archive.ts';
import { LIVES } from './daemons.ts';
import type { Statement } from './session.ts';

/**
 * What `Store.noteCopy` does. Unlike other notes it outlives a crash of the server: the draft of the copy does, and only this note tells of it.
 * @param run this run of the program
 */
export function noteCopy(run: string, name: string, takenAt: string): Statement {
  return [
    `INSERT INTO copies (name, taken_at, process) SELECT $1, $2, $3 FROM set_config('synchronous_commit', 'on', true)
     ON CONFLICT (name, taken_at) DO UPDATE SET process = excluded.process`,
    [name, takenAt, run],
  ];
}

/**
 * As `Store.openCopies`: those of this run, of runs that are gone, and what a run that is silent has committed. What else another daemon
 * has noted is under way: one that is silent may go on with it.
 */
export async function openCopies(client: ClientBase, run: string): Promise<readonly CopyNote[]> {
  const { rows } = await client.query<CopyNote>(
    `SELECT c.name, c.taken_at AS "takenAt", f.archived_to AS "archivedTo", c.process = $1 AS "isOwn" FROM copies c
     LEFT JOIN files f ON f.name = c.name AND f.taken_at = c.taken_at
     WHERE c.process = $1
       OR NOT EXISTS (SELECT 1 FROM daemons d WHERE d.process = c.process AND (f.archived_to IS NULL OR ${LIVES}))`,
    [run],
  );
  return rows;
}

/** What `Store.closeCopies` does. */
export function closeCopies(notes: readonly CopyNote[]): Statement {
  return [
    'DELETE FROM copies WHERE (name, taken_at) IN (SELECT * FROM unnest($1::text[], $2::text[]))',
    [notes.map(({ name }) => name), notes.map(({ takenAt }) => takenAt)],
  ];
}
