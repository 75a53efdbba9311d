import type { Feed } from '../../model/feed.ts';
import type { LoadedRows, RefusedRow, RowText } from '../store.ts';
import { decisiveColumns } from './merge-sql.ts';
import { type Merging, type Verdicts, admit, resolveWaiting } from './merge.ts';
import { asReject } from '../refused-row.ts';
import { keepRejects } from './rejects.ts';
import { type Range, halveRefused, unlessRefused } from './savepoint.ts';
import { waitingRows } from './waiting.ts';
import { rowKeyOf } from './row-key.ts';

/**
 * Merges the rows of the file in hand that are staged. A merge admits one row of a key: first the first row of each key, then the second ones, and so
 * on. That gives what applying all rows singly in line order gives, since rows of different keys do not touch each other and no parent
 * changes while one dataset's file is read.
 * @param trustsForeignKeys whether they may be left to find orphans: they surely refuse every one, and none is expected. Where they refuse
 *   one after all, parents are looked up
 * @param onPart called between two merges
 */
export async function mergeIncoming(
  merging: Merging,
  feed: Feed,
  rowText: RowText,
  trustsForeignKeys: boolean,
  onPart: () => Promise<void>,
): Promise<LoadedRows> {
  const { client, dataset, stage, singly, sql, origin } = merging;
  const sums = { inserted: 0, updated: 0, unchanged: 0, stale: 0 };
  const waitingLines: number[] = [];
  const refusedLines: number[] = [];
  const waiting = waitingRows(feed, dataset, stage, singly);

  const accept = async (verdicts: Verdicts): Promise<void> => {
    // Kept first, since a later row of the same merge may supersede them.
    if (verdicts.orphan > 0) for (const line of await waiting.keep(client, origin, rowText)) waitingLines.push(line);
    await resolveWaiting(merging);
    if (verdicts.unfit > 0) refusedLines.push(...(await unfitLines(merging)));
    sums.inserted += verdicts.new;
    sums.updated += verdicts.updated;
    sums.unchanged += verdicts.unchanged;
    sums.stale += verdicts.stale;
  };
  const refuse = (line: number): Promise<void> => {
    refusedLines.push(line);
    return Promise.resolve();
  };
  await client.query(`ANALYZE ${stage.incoming} (_seq, _turn, ${decisiveColumns(dataset)})`);
  const { rows } = await client.query<{ turns: number }>(sql.numberTurns, [origin.fileId, origin.stamp]);
  const turns = rows[0]?.turns ?? 0;
  const lines = await linesOf(merging);
  for (let turn = 1; turn <= turns; turn++) {
    const admitRange = ({ from, to }: Range, stageRows = sql.stageFresh) =>
      admit(merging, () => client.query(stageRows, [origin.fileId, origin.stamp, turn, from, to]));
    const isTrusting = turn === 1 && trustsForeignKeys && !(await beginsWithOrphans(merging));
    const admitted = isTrusting ? await unlessRefused(client, () => admitRange(lines, sql.stageTrusting)) : null;
    if (admitted !== null) await accept(admitted);
    else await halveRefused(client, lines, (range) => admitRange(range), accept, refuse);
    await onPart();
  }
  const refused = await refusedRows(merging, refusedLines);
  await keepRejects(client, origin.fileId, dataset.name, refused.values().map(asReject(rowText)));
  return { ...sums, waitingLines, refused };
}

async function beginsWithOrphans({ client, sql }: Merging): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(sql.beginsWithOrphans);
  return rows[0]?.found !== false;
}

async function linesOf({ client, stage }: Merging): Promise<Range> {
  const { rows } = await client.query<{ first: string | null; last: string | null }>(
    `SELECT min(_seq) AS first, max(_seq) AS last FROM ${stage.incoming}`,
  );
  return { from: Number(rows[0]?.first ?? 1) - 1, to: Number(rows[0]?.last ?? 0) };
}

async function unfitLines({ client, stage }: Merging): Promise<readonly number[]> {
  const { rows } = await client.query<{ _seq: string }>(
    `SELECT _seq FROM ${stage.merging} WHERE _verdict = 'unfit' ORDER BY _seq`,
  );
  return rows.map((row) => Number(row._seq));
}

async function refusedRows(
  { client, dataset, stage }: Merging,
  lines: readonly number[],
): Promise<readonly RefusedRow[]> {
  if (lines.length === 0) return [];
  const { rows } = await client.query<[string, string, string, string]>({
    text: `SELECT _seq, _byte_offset, _byte_length, ${rowKeyOf(dataset, 'i')}
      FROM ${stage.incoming} i WHERE _seq = ANY ($1::bigint[]) ORDER BY _seq`,
    values: [lines],
    rowMode: 'array',
  });
  return rows.map(([line, offset, length, key]) => ({
    line: Number(line),
    byteOffset: Number(offset),
    byteLength: Number(length),
    key,
  }));
}
