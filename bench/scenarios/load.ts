/** The scenarios in which contenders load the same files into databases of their own. */
import { join } from 'node:path';
import {
  contenders,
  copyDatabase,
  floor,
  landfall,
  warm,
  workFolder,
  type Contender,
  type Load,
  type TableFile,
} from '../contenders.ts';
import { procedureFile, transactionFile, visitFile, type Universe } from '../generate.ts';
import { median, type Figure, type ScenarioResult } from '../report.ts';
import type { Context } from '../context.ts';

/** The feed of issue sizes: as many visits as a quarter of the transactions, one procedure for 500 of them. */
export function universeOf(rows: number): Universe {
  return { procedures: Math.max(10, Math.round(rows / 500)), visits: Math.max(20, Math.round(rows / 4)) };
}

/** The three files of a whole feed, parents first. */
export function wholeFeed(rows: number): TableFile[] {
  const universe = universeOf(rows);
  return [
    { table: 'procedures', path: procedureFile(universe) },
    { table: 'visits', path: visitFile(universe) },
    { table: 'transactions', path: transactionFile({ ...universe, from: 0, count: rows }) },
  ];
}

/** **bulk**: the whole feed into an empty database. */
export async function bulk(context: Context): Promise<ScenarioResult> {
  const files = wholeFeed(context.rows);
  const { procedures, visits } = universeOf(context.rows);
  const rows = context.rows + procedures + visits;
  const runs = await race(context, 'bulk', null, (contender, database) => contender.load(database, files), files);
  return {
    scenario: 'bulk',
    about: `the whole feed, ${rows.toLocaleString('en-US')} rows in three files, into an empty database; whole processes`,
    figures: figures(runs, rows),
    marks: [...ratio(runs, 'sqlite3 shell', 1.0), ...ratio(runs, 'python', 2.5)],
  };
}

/** **redelivery**: a file again, one row in ten changed. */
export async function redelivery(context: Context): Promise<ScenarioResult> {
  const universe = universeOf(context.rows);
  const again: TableFile[] = [
    {
      table: 'transactions',
      path: transactionFile({ ...universe, from: 0, count: context.rows, changed: 0.1 }, '20250602_020000'),
    },
  ];
  const only = [landfall.name, floor.name];
  const runs = await race(
    context,
    'redelivery',
    wholeFeed(context.rows),
    (contender, database) => contender.load(database, again),
    again,
    only,
  );
  return {
    scenario: 'redelivery',
    about: `${context.rows.toLocaleString('en-US')} transactions again, one row in ten changed; landfall's time is that of the whole process`,
    figures: figures(runs, context.rows),
    marks: ratio(runs, 'floor', 0.8),
  };
}

/** **children first**: transactions, then visits, then procedures; everything waits and heals. */
export async function childrenFirst(context: Context): Promise<ScenarioResult> {
  const files = wholeFeed(context.rows);
  const { procedures, visits } = universeOf(context.rows);
  const rows = context.rows + procedures + visits;
  const oneByOne = async (order: readonly TableFile[]): Promise<Load> => {
    using work = workFolder();
    const loads = [];
    for (const file of order) loads.push(await landfall.load(join(work.path, 'db.sqlite'), [file]));
    return {
      ms: loads.reduce((sum, load) => sum + load.ms, 0),
      peakMib: Math.max(...loads.map((load) => load.peakMib)),
    };
  };
  warm(files);
  context.say('children first: in order');
  const straight = await repeated(context, () => oneByOne(files));
  context.say('children first: reversed');
  const reversed = await repeated(context, () => oneByOne(files.toReversed()));
  return {
    scenario: 'children-first',
    about: `the whole feed, ${rows.toLocaleString('en-US')} rows, a process for each file, parents first and children first`,
    figures: figures(
      new Map([
        ['in order', straight],
        ['children first', reversed],
      ]),
      rows,
    ),
    marks: [{ what: 'children first against in order', value: reversed.ms / straight.ms, unit: '×', atMost: 3 }],
  };
}

/**
 * Lets each contender load, in turn, `context.repeat` times, each time from the same start.
 * @param base files that are in the database before; null: an empty one
 * @param only names of the contenders that take part (default: all)
 * @returns the median run of each that could run
 */
export async function race(
  context: Context,
  scenario: string,
  base: readonly TableFile[] | null,
  run: (contender: Contender, database: string) => Promise<Load>,
  files: readonly TableFile[],
  only?: readonly string[],
): Promise<Map<string, Load | string>> {
  const results = new Map<string, Load | string>();
  for (const contender of await contenders()) {
    if (only !== undefined && !only.includes(contender.name)) continue;
    if (contender.missing !== null) {
      results.set(contender.name, contender.missing);
      continue;
    }
    using work = workFolder();
    const start = join(work.path, 'base.sqlite');
    contender.create(start);
    if (base !== null) {
      context.say(`${scenario}: ${contender.name} prepares`);
      await contender.load(start, base);
    }
    context.say(`${scenario}: ${contender.name}`);
    warm(files);
    results.set(
      contender.name,
      await repeated(context, async (round) => {
        const database = join(work.path, `${round}.sqlite`);
        if (base !== null || contender !== landfall) copyDatabase(start, database);
        return run(contender, database);
      }),
    );
  }
  return results;
}

/** Runs several times; the time is the median, the memory the greatest. */
export async function repeated(context: Context, run: (round: number) => Promise<Load>): Promise<Load> {
  const loads = [];
  for (let round = 0; round < context.repeat; round += 1) loads.push(await run(round));
  return { ms: median(loads.map((load) => load.ms)), peakMib: Math.max(...loads.map((load) => load.peakMib)) };
}

export function figures(runs: ReadonlyMap<string, Load | string>, rows: number): Figure[] {
  return [...runs].map(([what, load]) =>
    typeof load === 'string'
      ? { what, note: load }
      : { what, rowsPerSecond: (rows / load.ms) * 1000, ms: load.ms, peakMib: load.peakMib },
  );
}

/** Landfall's speed against a peer's, where both ran. */
export function ratio(
  runs: ReadonlyMap<string, Load | string>,
  peer: string,
  atLeast: number,
): ScenarioResult['marks'] {
  const [own, other] = [runs.get(landfall.name), runs.get(peer)];
  if (typeof own !== 'object' || typeof other !== 'object') return [];
  return [{ what: `speed against ${peer}`, value: other.ms / own.ms, unit: '×', atLeast }];
}
