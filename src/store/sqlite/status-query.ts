import type Database from 'better-sqlite3';
import type { RejectCode } from '../../model/codes.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import type { DatabaseStatus, DatasetStatus, NoteList, NoteListName } from '../reader.ts';
import { LATEST, NOTED } from '../noted-files.ts';
import { lastFile, listNotes } from './files-query.ts';
import { quoteName } from '../sql-names.ts';

/** The code of all rows that wait, and of no others. */
const WAITING_CODE: RejectCode = 'missing_parent';

/**
 * Where the database stands, read in one snapshot.
 * @param most how many files each list holds
 */
export function readStatus(db: Database.Database, feed: Feed, most: number): DatabaseStatus {
  return db.transaction(() => {
    const counts = db
      .prepare<[], Record<NoteListName, number>>(
        `SELECT ${Object.entries(NOTED)
          .map(([name, condition]) => `count(*) FILTER (WHERE ${condition}) AS ${name}`)
          .join(', ')} FROM files f`,
      )
      .get();
    const notes = (name: NoteListName): NoteList => ({
      files: counts?.[name] ?? 0,
      // To look for more than there are takes a walk through the whole ledger.
      newest: [...listNotes(db, NOTED[name], Math.min(most, counts?.[name] ?? 0))],
    });
    const rejects = db
      .prepare<[], DatabaseStatus['rejects'][number]>(
        `SELECT dataset, '${WAITING_CODE}' AS code, count(*) AS "rows" FROM rejects WHERE state = 'waiting' GROUP BY dataset
         UNION ALL
         SELECT r.dataset, r.code, count(*) FROM rejects r CROSS JOIN files f ON f.file_id = r.file_id
         WHERE r.state = 'rejected' AND f.state = 'ingested' GROUP BY r.dataset, r.code ORDER BY 3 DESC, 1, 2`,
      )
      .all();
    return {
      daemons: [],
      datasets: feed.datasets.map((dataset) => datasetStatus(db, feed, dataset, rejects)),
      rejects,
      waiting: db
        .prepare<[], DatabaseStatus['waiting'][number]>(
          // Which dataset a row is of would have to be looked up for each: seconds for a million.
          `SELECT parent_table, count(*) AS "rows", count(DISTINCT parent_key) AS parents FROM waiting_on GROUP BY parent_table`,
        )
        .all(),
      last_file: lastFile(db),
      quarantined: notes('quarantined'),
      not_taken: notes('not_taken'),
      late: notes('late'),
      corrected: notes('corrected'),
      warned: notes('warned'),
    };
  })();
}

function datasetStatus(
  db: Database.Database,
  feed: Feed,
  { name, table }: Dataset,
  rejects: DatabaseStatus['rejects'],
): DatasetStatus {
  const openRows = (waiting: boolean): number =>
    rejects
      .filter((one) => one.dataset === name && (one.code === WAITING_CODE) === waiting)
      .reduce((sum, { rows }) => sum + rows, 0);
  const files = db
    .prepare<
      [string, string],
      Pick<DatasetStatus, 'files_ingested' | 'files_replaced' | 'files_quarantined' | 'files_late'>
    >(
      `SELECT count(*) FILTER (WHERE state = 'ingested') AS files_ingested,
         count(*) FILTER (WHERE state = 'replaced') AS files_replaced,
         count(*) FILTER (WHERE revision > 0 AND state = 'quarantined' AND ${LATEST}) AS files_quarantined,
         count(*) FILTER (WHERE ${NOTED.late}) AS files_late
       FROM files f WHERE feed = ? AND dataset = ?`,
    )
    .get(feed.name, name);
  const checkpoint = db
    .prepare<[string, string], { stamp: string; updated_at: string }>(
      'SELECT stamp, updated_at FROM checkpoints WHERE feed = ? AND dataset = ?',
    )
    .get(feed.name, name);
  return {
    name,
    table,
    rows:
      db
        .prepare<[], number>(`SELECT count(*) FROM ${quoteName(table)}`)
        .pluck()
        .get() ?? 0,
    rows_waiting: openRows(true),
    rows_rejected: openRows(false),
    files_ingested: files?.files_ingested ?? 0,
    files_replaced: files?.files_replaced ?? 0,
    files_quarantined: files?.files_quarantined ?? 0,
    files_late: files?.files_late ?? 0,
    checkpoint: checkpoint?.stamp ?? null,
    checkpoint_at: checkpoint?.updated_at ?? null,
  };
}
