import type { ClientBase } from 'pg';
import { type Reference, referencesOf } from '../../feed/references.ts';
import type { Dataset, Feed } from '../../model/feed.ts';
import { quoteName } from '../sql-names.ts';
import type { RowText } from '../store.ts';
import { copyBytes, copyInto } from './copy.ts';
import { literal } from './literal.ts';
import type { LookedUpSingly } from './lookups.ts';
import { parentMissing, recorded } from './merge-sql.ts';
import type { Origin } from './merge.ts';
import { SCRATCH, type StagingTables } from './scratch.ts';
import { rowKeyOf } from './row-key.ts';

/** Rows whose raw text is read from the file at a time, and about as many characters as are sent at a time. */
const PAGE_ROWS = 2_000;
const PAGE_CHARACTERS = 1024 * 1024;

/** Keeps the orphans that were left in a stage. */
export interface WaitingRows {
  /** Orphans of the file in hand become rejects that wait, each with its typed values and its missing parents. Gives their lines. */
  keep(client: ClientBase, origin: Origin, rowText: RowText): Promise<readonly number[]>;
  /** Waiting rows that turned out to lack a parent after all go on waiting for it. */
  keepOn(client: ClientBase): Promise<void>;
}

/** Makes the statements for a dataset that refers to others. */
export function waitingRows(feed: Feed, dataset: Dataset, stage: StagingTables, singly: LookedUpSingly): WaitingRows {
  const references = referencesOf(dataset);
  const firstMissing = references
    .map((column) => `WHEN ${parentMissing(feed, column, singly)} THEN ${literal(column.name)}`)
    .join(' ');
  const values = dataset.columns.map((column) => `s.${quoteName(column.name)}`).join(', ');
  // One look at each reference: of two that name one parent only one row is needed.
  const missing = (rejectId: string, from: string) =>
    references
      .map(
        (column) => `SELECT ${literal(column.references)}, s.${quoteName(column.name)}, ${rejectId} ${from}
          WHERE s._verdict = 'orphan' AND ${parentMissing(feed, column, singly)}`,
      )
      .join(' UNION ');
  const waitFor = 'INSERT INTO waiting_on (parent_table, parent_key, reject_id)';
  const keep = `
    WITH kept AS (
      INSERT INTO rejects (file_id, dataset, line, byte_offset, row_key, code, column_name, reason, raw, record, state)
      SELECT $1, $2, s._seq, s._byte_offset, ${rowKeyOf(dataset, 's')}, 'missing_parent',
        CASE ${firstMissing} END, 'the row it refers to is not there yet', raw.raw,
        (SELECT to_jsonb(v) FROM (SELECT ${values}) v), 'waiting'
      FROM ${stage.merging} s JOIN ${SCRATCH.raw} raw USING (_seq)
      WHERE s._verdict = 'orphan' ORDER BY s._seq
      RETURNING reject_id, line)
    ${waitFor} ${missing('k.reject_id', `FROM kept k JOIN ${stage.merging} s ON s._seq = k.line`)}`;
  const keepOn = `${waitFor} ${missing('s._seq', `FROM ${stage.merging} s`)} ON CONFLICT DO NOTHING`;

  return {
    async keep(client, origin, rowText) {
      const lines = await copyRaw(client, stage, rowText);
      await client.query(keep, [origin.fileId, dataset.name]);
      return lines;
    },
    async keepOn(client) {
      await client.query(keepOn);
    },
  };
}

/** SQL that is true where the waiting row `alias` of rejects waits for what it refers to by `column`. */
export function waitsFor(alias: string, column: Reference): string {
  return `EXISTS (SELECT 1 FROM waiting_on w WHERE w.parent_table = ${literal(column.references)}
    AND w.parent_key = ${recorded(alias, column)} AND w.reject_id = ${alias}.reject_id)`;
}

/** SQL that is true where the waiting row `alias` of rejects waits for nothing. */
export function waitsForNothing(alias: string, dataset: Dataset): string {
  return referencesOf(dataset)
    .map((column) => `NOT ${waitsFor(alias, column)}`)
    .join(' AND ');
}

/** Copies the raw text of the staged orphans from the file to the database; gives their lines, ascending. */
async function copyRaw(client: ClientBase, stage: StagingTables, rowText: RowText): Promise<readonly number[]> {
  await client.query(`DELETE FROM ${SCRATCH.raw}`);
  await client.query(`
    DECLARE orphans NO SCROLL CURSOR FOR SELECT s._seq, s._byte_offset, s._byte_length
    FROM ${stage.merging} s WHERE s._verdict = 'orphan' ORDER BY s._seq`);
  const lines: number[] = [];
  for (;;) {
    const { rows: places } = await client.query<[string, string, string]>({
      text: `FETCH ${PAGE_ROWS} FROM orphans`,
      rowMode: 'array',
    });
    if (places.length === 0) break;
    let page = '';
    for (const [line, offset, length] of places) {
      lines.push(Number(line));
      page += `${line}\t${copyBytes(rowText(Number(offset), Number(length)))}\n`;
      if (page.length < PAGE_CHARACTERS) continue;
      await copyInto(client, SCRATCH.raw, page);
      page = '';
    }
    await copyInto(client, SCRATCH.raw, page);
  }
  await client.query('CLOSE orphans');
  return lines;
}
