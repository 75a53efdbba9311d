import pg from 'pg';
import type { ClientBase } from 'pg';
import { z } from 'zod';
import { feedChecks, type CheckFile } from '../../feed/sql-files.ts';
import type { Feed } from '../../model/feed.ts';
import { type CheckProblem, INCOMING, looksLikeQuery, NO_QUERY, requireSound } from '../check-sql.ts';
import { declare, ONE_STATEMENT, showIncoming, undone } from './checking.ts';
import { stagingTables } from './scratch.ts';

/**
 * Makes sure that the checks of a feed can be run, inside a transaction that may write temporary tables.
 * @throws LandfallError naming all that cannot, each with its file and line
 */
export async function requireSoundChecks(client: ClientBase, feed: Feed): Promise<void> {
  const problems: CheckProblem[] = [];
  for (const file of feedChecks(feed, 'postgres')) {
    const problem = await undone(client, async () => {
      if (file.check.on === 'incoming') {
        const stage = stagingTables(feed, file.dataset);
        await client.query(stage.createIncoming);
        await client.query(showIncoming(file.dataset, stage));
      }
      return await problemOf(client, file);
    });
    if (problem !== null) problems.push(problem);
  }
  requireSound(problems);
}

/** Planned, not run: it meets no row, so that what the server says names words of the check. */
async function problemOf(client: ClientBase, file: CheckFile): Promise<CheckProblem | null> {
  const { sql, check } = file;
  if (!looksLikeQuery(sql)) return { file, at: null, problem: NO_QUERY };
  const explain = `EXPLAIN (VERBOSE, FORMAT JSON) ${declare('')}`;
  try {
    const text = `${explain}${sql}`;
    const { rows } = await client.query<{ 'QUERY PLAN': unknown }>({ text, ...ONE_STATEMENT });
    const strangers = check.on === 'incoming' ? tablesBeside(rows[0]?.['QUERY PLAN']) : [];
    if (strangers.length === 0) return null;
    const problem = `sees ${strangers.join(', ')}; one that is run on: incoming sees only ${INCOMING.table}`;
    return { file, at: null, problem };
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || !/^(?:0A|22|42|54)/.test(error.code ?? '')) throw error;
    const position = Number(error.position ?? NaN) - 1 - explain.length;
    return { file, at: position >= 0 ? position : null, problem: error.message };
  }
}

const scanSchema = z.object({ Schema: z.string(), 'Relation Name': z.string() });

/** The tables of a plan, wherever they stand in it, that are not temporary ones or the server's own. */
function tablesBeside(plan: unknown): readonly string[] {
  if (typeof plan !== 'object' || plan === null) return [];
  const scan = scanSchema.safeParse(plan).data;
  const isBeside = scan !== undefined && !/^pg_(?:temp|catalog)/.test(scan.Schema);
  const own = isBeside ? [`${scan.Schema}.${scan['Relation Name']}`] : [];
  return [...own, ...Object.values(plan).flatMap(tablesBeside)];
}
