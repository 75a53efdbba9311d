/** The scenarios of a file that is small against its table. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  floor,
  contenders,
  copyDatabase,
  landfall,
  warm,
  workFolder,
  type Load,
  type TableFile,
} from '../contenders.ts';
import type { Context } from '../context.ts';
import { drop, startDaemon } from '../daemon.ts';
import { procedureFile, transactionFile } from '../generate.ts';
import type { ScenarioResult } from '../report.ts';
import { figures, ratio, repeated, universeOf, wholeFeed } from './load.ts';

/** How many rows the table holds against the feed's, and how many of the feed's the daily file has. */
const TABLE_TIMES = 5;
const DAILY_SHARE = 1 / 20;

/** **daily**: a file of which nine rows in ten are new, into a table a hundred times its size. */
export async function daily(context: Context): Promise<ScenarioResult> {
  const before = context.rows * TABLE_TIMES;
  const count = Math.round(context.rows * DAILY_SHARE);
  const universe = universeOf(before);
  const base = wholeFeed(before);
  const mixed = dailyFile(before, count, 0.1);
  const allNew = dailyFile(before, count, 0);
  const runs = new Map<string, Load | string>();

  using work = workFolder();
  const start = join(work.path, 'base.sqlite');
  for (const contender of await contenders()) {
    if (contender.missing !== null) {
      runs.set(contender.name, contender.missing);
      continue;
    }
    context.say(`daily: ${contender.name} prepares ${before} rows`);
    rmSync(start, { force: true });
    contender.create(start);
    // Peers begin with the same tables, however they were filled; the floor fills them fastest.
    await (contender === landfall ? landfall : floor).load(start, base);
    context.say(`daily: ${contender.name}`);
    // The shell cannot restate a row: it gets as many rows, all new.
    const file = contender.name === 'sqlite3 shell' ? allNew : mixed;
    warm([file]);
    runs.set(
      contender.name,
      await repeated(context, async (round) => {
        if (contender === landfall) return dropInto(start, file, `daily-${round}`, work.path);
        const database = join(work.path, `${round}.sqlite`);
        copyDatabase(start, database);
        const load = await contender.load(database, [file]);
        rmSync(database);
        return load;
      }),
    );
  }
  return {
    scenario: 'daily',
    about:
      `${count.toLocaleString('en-US')} transactions, 9 in 10 new, into a table of ${before.toLocaleString('en-US')} ` +
      `over ${universe.visits.toLocaleString('en-US')} visits; landfall from drop to commit in a running daemon ` +
      `(settle 0), peers whole processes, the shell with all rows new`,
    figures: figures(runs, count),
    marks: [...ratio(runs, 'sqlite3 shell', 0.8), ...ratio(runs, 'floor', 1.0)],
  };
}

/** **growth**: time per row of a daily file in a table ten times as large. */
export async function growth(context: Context): Promise<ScenarioResult> {
  const count = Math.round(context.rows * DAILY_SHARE);
  const runs = new Map<string, Load>();
  for (const before of [context.rows, context.rows * 10]) {
    using work = workFolder();
    const start = join(work.path, 'base.sqlite');
    context.say(`growth: prepares ${before} rows`);
    await landfall.load(start, wholeFeed(before));
    const file = dailyFile(before, count, 0.1);
    warm([file]);
    context.say(`growth: into ${before} rows`);
    runs.set(
      `into ${before.toLocaleString('en-US')} rows`,
      await repeated(context, (round) => dropInto(start, file, `growth-${round}`, work.path)),
    );
  }
  const [small, large] = [...runs.values()];
  if (small === undefined || large === undefined) throw new Error('growth has two runs');
  return {
    scenario: 'growth',
    about: `a daily file of ${count.toLocaleString('en-US')} transactions, 9 in 10 new, drop to commit in a running daemon`,
    figures: figures(runs, count),
    marks: [{ what: 'time per row at ten times the size', value: large.ms / small.ms, unit: '×', atMost: 1.5 }],
  };
}

/** A file for a table that was filled with `before` transactions. */
function dailyFile(before: number, count: number, restated: number): TableFile {
  const path = transactionFile({ ...universeOf(before), from: before, count, restated }, '20250602_020000');
  return { table: 'transactions', path };
}

/** Starts a daemon on a copy of a database, drops a file once it has taken a first small one, and measures from drop to commit. */
async function dropInto(start: string, file: TableFile, name: string, work: string): Promise<Load> {
  const folder = join(work, name);
  mkdirSync(folder);
  copyDatabase(start, join(folder, 'db.sqlite'));
  const daemon = startDaemon(folder, ['--settle', '0']);
  try {
    await daemon.ingested(drop(daemon, procedureFile({ procedures: 1, visits: 0 }, '20250602_010000')));
    const begun = performance.now();
    const over = await daemon.ingested(drop(daemon, file.path));
    return { ms: over - begun, peakMib: daemon.peakMib() };
  } finally {
    await daemon.stop();
    rmSync(folder, { recursive: true });
  }
}
