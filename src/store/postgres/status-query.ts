import type { ClientBase } from 'pg';
import type { RejectCode } from '../../model/codes.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import type { DatabaseStatus, DatasetStatus, NoteList, NoteListName } from '../reader.ts';
import { quoteName } from '../sql-names.ts';
import { listDaemons } from './daemons.ts';
import { LATEST, NOTED } from '../noted-files.ts';
import { lastFile, readNotes } from './files-query.ts';

/** The code of all rows that wait, and of no others. */
const WAITING_CODE: RejectCode = 'missing_parent';

/**
 * Where the database stands, read in the snapshot that the caller has taken.
 * @param most how many files each list holds
 */
export async function readStatus(client: ClientBase, feed: Feed, most: number): Promise<DatabaseStatus> {
  const { rows: counted } = await client.query<Record<NoteListName, number>>(
    `SELECT ${Object.entries(NOTED)
      .map(([name, condition]) => `count(*) FILTER (WHERE ${condition}) AS ${name}`)
      .join(', ')} FROM files f`,
  );
  const notes = async (list: NoteListName): Promise<NoteList> => ({
    files: counted[0]?.[list] ?? 0,
    // To look for more than there are takes a walk through the whole ledger.
    newest: await readNotes(client, list, null, Math.min(most, counted[0]?.[list] ?? 0)),
  });
  const { rows: rejects } = await client.query<DatabaseStatus['rejects'][number]>(
    `SELECT dataset, '${WAITING_CODE}' AS code, count(*) AS rows FROM rejects WHERE state = 'waiting' GROUP BY dataset
     UNION ALL
     SELECT r.dataset, r.code, count(*) FROM rejects r JOIN files f ON f.file_id = r.file_id
     WHERE r.state = 'rejected' AND f.state = 'ingested' GROUP BY r.dataset, r.code ORDER BY 3 DESC, 1, 2`,
  );
  const { rows: waiting } = await client.query<DatabaseStatus['waiting'][number]>(
    `SELECT parent_table, count(*) AS rows, count(DISTINCT parent_key) AS parents FROM waiting_on
     GROUP BY parent_table ORDER BY parent_table`,
  );
  const datasets: DatasetStatus[] = [];
  for (const dataset of feed.datasets) datasets.push(await datasetStatus(client, feed, dataset, rejects));
  return {
    ...{ daemons: await listDaemons(client), datasets, rejects, waiting, last_file: await lastFile(client) },
    quarantined: await notes('quarantined'),
    not_taken: await notes('not_taken'),
    late: await notes('late'),
    corrected: await notes('corrected'),
    warned: await notes('warned'),
  };
}

type FileCounts = Pick<DatasetStatus, 'files_ingested' | 'files_replaced' | 'files_quarantined' | 'files_late'>;

async function datasetStatus(
  client: ClientBase,
  feed: Feed,
  { name, table }: Dataset,
  rejects: DatabaseStatus['rejects'],
): Promise<DatasetStatus> {
  const openRows = (waiting: boolean): number =>
    rejects
      .filter((one) => one.dataset === name && (one.code === WAITING_CODE) === waiting)
      .reduce((sum, { rows }) => sum + rows, 0);
  const { rows: files } = await client.query<FileCounts>(
    `SELECT count(*) FILTER (WHERE state = 'ingested') AS files_ingested,
       count(*) FILTER (WHERE state = 'replaced') AS files_replaced,
       count(*) FILTER (WHERE revision > 0 AND state = 'quarantined' AND ${LATEST}) AS files_quarantined,
       count(*) FILTER (WHERE ${NOTED.late}) AS files_late
     FROM files f WHERE feed = $1 AND dataset = $2`,
    [feed.name, name],
  );
  const { rows: checkpoints } = await client.query<Pick<DatasetStatus, 'checkpoint' | 'checkpoint_at'>>(
    'SELECT stamp AS checkpoint, updated_at AS checkpoint_at FROM checkpoints WHERE feed = $1 AND dataset = $2',
    [feed.name, name],
  );
  const { rows } = await client.query<{ rows: number }>(`SELECT count(*) AS rows FROM ${quoteName(table)}`);
  const none = { files_ingested: 0, files_replaced: 0, files_quarantined: 0, files_late: 0 };
  return {
    ...{ name, table, rows: rows[0]?.rows ?? 0, rows_waiting: openRows(true), rows_rejected: openRows(false) },
    ...(files[0] ?? none),
    ...(checkpoints[0] ?? { checkpoint: null, checkpoint_at: null }),
  };
}
