import type { ClientBase } from 'pg';
import { statSync } from 'node:fs';
import { kill } from 'node:process';
import type { DaemonRow } from '../../model/daemon-row.ts';
import { FileRefused } from '../../model/errors.ts';
import { every } from '../../system/timers.ts';
import type { Ending } from '../attempts.ts';
import type { Holder } from '../ownership.ts';
import type { FileEntry } from '../store.ts';
import type { Claims } from './claims.ts';
import type { ServerWork } from './server-work.ts';
import type { Session, Statement } from './session.ts';

/** How often a daemon says that it lives, in ms. */
const BEAT_MS = 5_000;

/** SQL that is true for a daemon `d` that has said of late that it lives: two beats may come late. */
export const LIVES = `d.beat_at > clock_timestamp() - interval '15 seconds'`;

/** Rows of daemons that are gone are kept so long: what they had in hand is told from a living one's by them. */
const KEPT = `interval '1 day'`;

/** This run of the program, as others see it. */
export interface Run {
  /** Names it in `attempts.process`. */
  readonly process: string;
  readonly holder: Holder;
  readonly program: string;
  /** The landing folder; null: it reads none. */
  readonly landing: string | null;
}

/** Enters this run among the daemons. What its forerunner on this host had in hand is closed before, as what its supervisor has seen. */
export async function enterRun(client: ClientBase, run: Run, before: Ending, now: Date): Promise<void> {
  const { process: id, holder, program, landing } = run;
  await closeForerunners(client, run, before, now);
  await client.query(`DELETE FROM daemons WHERE beat_at < clock_timestamp() - ${KEPT}`);
  await client.query(
    `INSERT INTO daemons (process, host, pid, command, program, landing, folder, started_at, beat_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
     ON CONFLICT (process) DO UPDATE SET beat_at = excluded.beat_at`,
    [id, holder.host, holder.pid, holder.command, program, landing, folderOf(landing), now.toISOString()],
  );
}

/**
 * Runs of this supervisor, or of one on this host that is gone: nobody else knows how these have ended. An attempt that another daemon
 * has taken over since counts all the same.
 */
async function closeForerunners(
  client: ClientBase,
  { process: id, holder }: Run,
  before: Ending,
  now: Date,
): Promise<void> {
  const { rows } = await client.query<{ process: string; pid: number }>(
    'SELECT process, pid FROM daemons WHERE host = $1 FOR UPDATE',
    [holder.host],
  );
  const own = rows.filter(({ pid }) => pid === holder.pid || !isRunning(pid)).map((row) => row.process);
  if (own.length === 0) return;
  const close = (set: string, which: string) =>
    `UPDATE attempts SET process = CASE WHEN process = ANY ($1) THEN NULL ELSE process END, left_by = NULL${set}
     WHERE (process = ANY ($1) OR left_by = ANY ($1)) ${which}`;
  await client.query(close('', 'AND started_at <= $2'), [own, before.cutShortAt]);
  if (before.crashed) await client.query(close(', failures = failures + 1', ''), [own]);
  else await client.query(close(', deaths = deaths + 1, died_at = $2', ''), [own, now.toISOString()]);
  // Its copies are this one's to settle.
  await client.query('UPDATE copies SET process = $2 WHERE process = ANY ($1)', [own, id]);
  await client.query('DELETE FROM daemons WHERE process = ANY ($1)', [own]);
}

function isRunning(pid: number): boolean {
  try {
    return kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** A folder is known on any host by its inode; null: there is none. */
function folderOf(landing: string | null): string | null {
  const ino = landing === null ? undefined : statSync(landing, { bigint: true, throwIfNoEntry: false })?.ino;
  return ino === undefined ? null : String(ino);
}

/**
 * Says that this run lives, every few seconds, until it is released, and looks at the work of the server. What fails is met by the next
 * file, too.
 */
export function keepBeating(
  session: Session,
  { process: id }: Run,
  inHand: Claims['inHand'],
  serverWork: ServerWork,
): DisposableStack {
  const releases = new DisposableStack();
  const beat = async (): Promise<void> => {
    try {
      const claimed = inHand();
      const file = claimed?.name ?? null;
      await session.note('beat', [
        ['UPDATE daemons SET beat_at = clock_timestamp(), file = $2 WHERE process = $1', [id, file]],
      ]);
      if (claimed !== null) await serverWork.look(session, claimed.backend);
    } catch {
      // The loop meets the same fault, and reports it.
    }
  };
  every(releases, BEAT_MS, () => void beat());
  return releases;
}

/** Takes this run out, which ends in order. */
export function leave({ process: id }: Run): Statement {
  return ['DELETE FROM daemons WHERE process = $1', [id]];
}

/** SQL that is true where the run that `process` names has said of late that it lives. */
export function isLivingSql(process: string): string {
  return `EXISTS (SELECT FROM daemons d WHERE d.process = ${process} AND ${LIVES})`;
}

/** The daemons that have said of late that they live, or have not said that they end. */
export async function listDaemons(client: ClientBase): Promise<readonly DaemonRow[]> {
  const { rows } = await client.query<DaemonRow>(
    `SELECT host, pid, command, program, landing, started_at, file, ${LIVES} AS alive,
       to_char(beat_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS beat
     FROM daemons d ORDER BY host, pid, started_at`,
  );
  return rows;
}

/**
 * Keeps the folder that a file came from. Of two folders that are served at once and have other contents under one name it could not be
 * told which is the later one (P4).
 * @throws FileRefused where the latest revision came from another folder that a living daemon serves
 */
export async function noteOrigin(client: ClientBase, { landing }: Run, { name, sha256 }: FileEntry): Promise<void> {
  const folder = folderOf(landing);
  if (folder === null) return;
  const { rowCount } = await client.query(
    `WITH other AS (
       SELECT 1 FROM origins o JOIN files f ON f.name = o.name AND f.state = 'ingested'
       WHERE o.name = $1 AND o.folder <> $2 AND f.sha256 IS DISTINCT FROM $3
         AND EXISTS (SELECT 1 FROM daemons d WHERE d.folder = o.folder AND ${LIVES})),
     noted AS (
       INSERT INTO origins (name, folder) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM other)
       ON CONFLICT (name) DO UPDATE SET folder = excluded.folder WHERE origins.folder <> excluded.folder)
     SELECT FROM other`,
    [name, folder, sha256],
  );
  if ((rowCount ?? 0) > 0) {
    throw new FileRefused(
      'other_folder',
      'another content came under this name from the landing folder of another daemon: give it another name, or let the daemons share one folder',
    );
  }
}
