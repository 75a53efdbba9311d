/** The scenarios of a file that is small against its table. */
import { dirname } from 'node:path';
import { floor, landfall, type Load, type TableFile } from '../contenders.ts';
import type { Context } from '../context.ts';
import { drop, startDaemon } from '../daemon.ts';
import { procedureFile, transactionFile } from '../generate.ts';
import type { ScenarioResult } from '../report.ts';
import { figures, race, ratio, universeOf, wholeFeed } from './load.ts';

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
  const runs = await race(context, {
    scenario: 'daily',
    base,
    files: [mixed, allNew],
    run(contender, database) {
      if (contender === landfall) return dropInto(database, mixed);
      // The shell cannot restate a row: it gets as many rows, all new.
      return contender.load(database, [contender.name === 'sqlite3 shell' ? allNew : mixed]);
    },
  });
  return {
    scenario: 'daily',
    about:
      `${count.toLocaleString('en-US')} transactions, 9 in 10 new, into a table of ${before.toLocaleString('en-US')} ` +
      `over ${universe.visits.toLocaleString('en-US')} visits; landfall from drop to commit in a running daemon ` +
      `(settle 0), peers whole processes, the shell with all rows new`,
    figures: figures(runs, count),
    marks: [...ratio(runs, 'sqlite3 shell', 1.0), ...ratio(runs, 'floor', 1.3)],
  };
}

/** **growth**: time per row of a daily file in a table ten times as large. */
export async function growth(context: Context): Promise<ScenarioResult> {
  const count = Math.round(context.rows * DAILY_SHARE);
  const runs = new Map<string, Load | string>();
  for (const before of [context.rows, context.rows * 10]) {
    const file = dailyFile(before, count, 0.1);
    const both = await race(context, {
      scenario: `growth, ${before} rows`,
      base: wholeFeed(before),
      files: [file],
      only: [landfall.name, floor.name],
      run: (contender, database) =>
        contender === landfall ? dropInto(database, file) : contender.load(database, [file]),
    });
    for (const [name, load] of both) runs.set(`${name}, into ${before.toLocaleString('en-US')} rows`, load);
  }
  const times = [...runs.values()].map((load) => (typeof load === 'string' ? NaN : load.ms));
  const [small = NaN, smallFloor = NaN, large = NaN, largeFloor = NaN] = times;
  return {
    scenario: 'growth',
    about:
      `a daily file of ${count.toLocaleString('en-US')} transactions, 9 in 10 new, drop to commit in a running daemon; ` +
      `the floor's own growth, ${(largeFloor / smallFloor).toFixed(2)} ×, is what SQLite's trees cost`,
    figures: figures(runs, count),
    marks: [{ what: 'time per row at ten times the size', value: large / small, unit: '×', atMost: 2 }],
  };
}

/** A file for a table that was filled with `before` transactions. */
function dailyFile(before: number, count: number, restated: number): TableFile {
  const path = transactionFile({ ...universeOf(before), from: before, count, restated }, '20250602_020000');
  return { table: 'transactions', path };
}

/** Starts a daemon on a database, lets it take a first small file, drops the file, and measures from drop to commit. */
async function dropInto(database: string, file: TableFile): Promise<Load> {
  const daemon = startDaemon(dirname(database), ['--settle', '0']);
  try {
    await daemon.ingested(drop(daemon, procedureFile({ procedures: 1, visits: 0 }, '20250602_010000')));
    const begun = performance.now();
    const over = await daemon.ingested(drop(daemon, file.path));
    return { ms: over - begun, peakMib: daemon.peakMib() };
  } finally {
    await daemon.stop();
  }
}
