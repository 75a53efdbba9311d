/** The scenario of a list that is longer than memory and read slowly. */
import { join } from 'node:path';
import { landfall, LAUNCHER, workFolder } from '../contenders.ts';
import type { Context } from '../context.ts';
import { transactionFile } from '../generate.ts';
import { measureProcess } from '../process.ts';
import type { Figure, ScenarioResult } from '../report.ts';
import { measuring, universeOf } from './load.ts';

/** How fast the reader is. */
const MIB_PER_SECOND = 32;

/** **lists**: rejects into a slow pipe, in each format. */
export async function lists(context: Context): Promise<ScenarioResult> {
  using work = workFolder();
  const database = join(work.path, 'db.sqlite');
  context.say('lists: loads transactions without their visits');
  const path = transactionFile({ ...universeOf(context.rows), from: 0, count: context.rows });
  await landfall.load(database, [{ table: 'transactions', path }]);
  const figures: Figure[] = [];
  for (const format of [['--json'], ['--csv', '--raw'], ['--limit', '0']]) {
    await measuring(context, `lists: ${format.join(' ')}`);
    const { ms, peakMib } = await measureProcess(process.execPath, [LAUNCHER, 'rejects', ...format, '--db', database], {
      readMibPerSecond: MIB_PER_SECOND,
    });
    figures.push({ what: `rejects ${format.join(' ')}`, rowsPerSecond: (context.rows / ms) * 1000, ms, peakMib });
  }
  return {
    scenario: 'lists',
    about:
      `${context.rows.toLocaleString('en-US')} rejects, rows that wait, into a pipe that is read at ${MIB_PER_SECOND} MiB/s; ` +
      'the time is mostly that of the reader',
    figures,
    marks: figures.map(({ what, peakMib = 0 }) => ({
      what: `peak memory of ${what}`,
      value: (peakMib * 2 ** 20) / 1e6,
      unit: 'MB',
      atMost: 150,
    })),
  };
}
