/** The scenarios of a file that is small against its table. */
import { dirname } from 'node:path';
import { landfall, warmFloor, type Load } from '../contenders.ts';
import type { Context } from '../context.ts';
import { startDaemon } from '../daemon.ts';
import type { ScenarioResult } from '../report.ts';
import { DAILY_SHARE, TABLE_TIMES, daysAfter, firstAfterStart, takeDays, type Days, type DaysLoad } from './days.ts';
import { figures, race, ratio, universeOf, wholeFeed } from './load.ts';

/** **daily**: a file of which nine rows in ten are new, into a table a hundred times its size. */
export async function daily(context: Context): Promise<ScenarioResult> {
  const before = context.rows * TABLE_TIMES;
  const count = Math.round(context.rows * DAILY_SHARE);
  const days = daysAfter(before, count);
  const { runs, own } = await raceDays(context, 'daily', before, days);
  return {
    scenario: 'daily',
    about:
      `${count.toLocaleString('en-US')} transactions, 9 in 10 new, into a table of ${before.toLocaleString('en-US')} ` +
      `over ${universeOf(before).visits.toLocaleString('en-US')} visits; landfall from drop to commit in a daemon that has taken ` +
      `yesterday's and come to rest (settle 0), its log emptied after the commit, a copy kept in the archive; of the floor, ` +
      `in a process of its own and in one that has taken yesterday's, the upserts and the commit; the others whole processes, the shell's with ` +
      `all rows new; emptying the log counts for all but landfall`,
    figures: [...figures(runs, count), firstAfterStart(own, count)],
    marks: [...ratio(runs, 'sqlite3 shell', 1.0), ...ratio(runs, 'floor', 1.3)],
  };
}

/** **growth**: time per row of a daily file in a table ten times as large. */
export async function growth(context: Context): Promise<ScenarioResult> {
  const count = Math.round(context.rows * DAILY_SHARE);
  const runs = new Map<string, Load | string>();
  for (const before of [context.rows, context.rows * 10]) {
    const days = daysAfter(before, count);
    const both = await raceDays(context, `growth, ${before} rows`, before, days, [landfall.name]);
    for (const [name, load] of both.runs) runs.set(`${name}, into ${before.toLocaleString('en-US')} rows`, load);
  }
  const growthOf = (name: string): number => {
    const [small, large] = [...runs].filter(([what]) => what.startsWith(`${name},`)).map(([, load]) => load);
    return typeof small === 'object' && typeof large === 'object' ? large.ms / small.ms : NaN;
  };
  return {
    scenario: 'growth',
    about:
      `a daily file of ${count.toLocaleString('en-US')} transactions, 9 in 10 new, drop to commit in a daemon that has taken yesterday's; ` +
      `the warm floor's own growth, ${growthOf(warmFloor.name).toFixed(2)} ×, is what SQLite's trees cost`,
    figures: figures(runs, count),
    marks: [{ what: 'time per row at ten times the size', value: growthOf(landfall.name), unit: '×', atMost: 2 }],
  };
}

/**
 * Lets the contenders take today's file into a table of `before` transactions, Landfall in a daemon that has taken yesterday's.
 * @returns the median run of each, and all of Landfall's own
 */
async function raceDays(
  context: Context,
  scenario: string,
  before: number,
  days: Days,
  only?: readonly string[],
): Promise<{ runs: Map<string, Load | string>; own: readonly DaysLoad[] }> {
  const own: DaysLoad[] = [];
  const runs = await race(context, {
    scenario,
    base: wholeFeed(before),
    files: [days.yesterday, days.today, days.allNew],
    only,
    more: [warmFloor],
    async run(contender, database) {
      if (contender === warmFloor) return contender.load(database, [days.yesterday, days.today]);
      // The shell cannot restate a row: it gets as many rows, all new.
      if (contender !== landfall)
        return contender.load(database, [contender.name === 'sqlite3 shell' ? days.allNew : days.today]);
      const daemon = startDaemon(dirname(database), ['--settle', '0']);
      try {
        const load = await takeDays(daemon, days);
        own.push(load);
        return load;
      } finally {
        await daemon.stop();
      }
    },
  });
  return { runs, own };
}
