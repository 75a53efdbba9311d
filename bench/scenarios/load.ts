/** The scenarios in which contenders load the same files into databases of their own. */
import { join } from 'node:path';
import {
  contenders,
  copyDatabase,
  copyRows,
  floor,
  landfall,
  waitingFloor,
  withoutArchive,
  warm,
  workFolder,
  type Contender,
  type Load,
  type TableFile,
} from '../contenders.ts';
import type { Context } from '../context.ts';
import { procedureFile, transactionFile, visitFile, type Universe } from '../generate.ts';
import { untilQuiet } from '../quiet.ts';
import { median, type Figure, type ScenarioResult } from '../report.ts';

/** The sizes that follow from a number of transactions: as many visits as a quarter of the transactions, one procedure for 500 of them. */
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
  const runs = await race(context, {
    scenario: 'bulk',
    base: null,
    files,
    more: [withoutArchive],
    run: (contender, database) => contender.load(database, files),
  });
  return {
    scenario: 'bulk',
    about: `the whole feed, ${rows.toLocaleString('en-US')} rows in three files, into an empty database; whole processes; landfall keeps a copy in the archive`,
    figures: figures(runs, rows),
    marks: [
      ...ratio(runs, 'sqlite3 shell', 1.1),
      ...ratio(runs, 'sqlite3 shell', 1.2, withoutArchive.name),
      ...ratio(runs, withoutArchive.name, 0.92),
      ...ratio(runs, 'python', 2.5),
    ],
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
  const runs = await race(context, {
    scenario: 'redelivery',
    base: wholeFeed(context.rows),
    files: again,
    only: [landfall.name, floor.name],
    run: (contender, database) => contender.load(database, again),
  });
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
  const oneByOne = async (
    order: readonly TableFile[],
    then: (database: string) => Promise<void> = () => Promise.resolve(),
  ): Promise<Load & { lastMs: number }> => {
    using work = workFolder();
    const database = join(work.path, 'db.sqlite');
    const loads: Load[] = [];
    for (const file of order) loads.push(await landfall.load(database, [file]));
    await then(database);
    return {
      ms: loads.reduce((sum, load) => sum + load.ms, 0),
      peakMib: Math.max(...loads.map((load) => load.peakMib)),
      lastMs: loads.at(-1)?.ms ?? 0,
    };
  };
  const straight: Load[] = [];
  const reversed: (Load & { lastMs: number })[] = [];
  const floors: Load[] = [];
  for (let round = 1; round <= context.repeat; round += 1) {
    warm(files);
    await measuring(context, `children-first: in order, round ${round} of ${context.repeat}`);
    straight.push(
      await oneByOne(files, async (database) => {
        await measuring(context, `children-first: floor, round ${round} of ${context.repeat}`);
        floors.push(await waitingFloor(database));
      }),
    );
    await measuring(context, `children-first: reversed, round ${round} of ${context.repeat}`);
    reversed.push(await oneByOne(files.toReversed()));
  }
  const runs = new Map([
    ['in order', middle(straight)],
    ['children first', middle(reversed)],
    ['children first, floor', middle(floors)],
  ]);
  const healMs = median(reversed.map(({ lastMs }) => lastMs));
  const keepMs = median(reversed.map(({ ms, lastMs }) => ms - lastMs));
  return {
    scenario: 'children-first',
    about:
      `the whole feed, ${rows.toLocaleString('en-US')} rows, a process for each file, parents first and children first; ` +
      `of the latter, keeping every row with its raw text, its values and what it waits for took ` +
      `${(keepMs / middle(straight).ms).toFixed(1)} × the time in order, and the healing of them all ${(healMs / middle(straight).ms).toFixed(1)} ×; ` +
      `the floor fills and settles the same tables from rows that are in a database already, with a bare statement for each, ` +
      `and takes ${(middle(floors).ms / middle(straight).ms).toFixed(1)} ×`,
    figures: figures(runs, rows),
    marks: [
      {
        what: 'children first against in order',
        value: middle(reversed).ms / middle(straight).ms,
        unit: '×',
        atMost: 3,
      },
    ],
  };
}

export interface Race {
  readonly scenario: string;
  /** Files that are in the database before; null: an empty one. */
  readonly base: readonly TableFile[] | null;
  /** Files that are read, so that nobody waits for the disk. */
  readonly files: readonly TableFile[];
  /** Names of the contenders that take part (default: all). */
  readonly only?: readonly string[] | undefined;
  /** Besides those that take part in every race. */
  readonly more?: readonly Contender[];
  readonly run: (contender: Contender, database: string) => Promise<Load>;
}

/**
 * Lets the contenders load, each time from the same start. They take turns `context.repeat` times, so that what else the
 * machine does meets all of them.
 * @returns the median run of each that could run
 */
export async function race(
  context: Context,
  { scenario, base, files, only, more = [], run }: Race,
): Promise<Map<string, Load | string>> {
  using work = workFolder();
  const all = [...(await contenders()).filter(({ name }) => only?.includes(name) ?? true), ...more];
  const able = all.filter(({ missing }) => missing === null);
  const own = join(work.path, 'landfall.sqlite');
  const peers = join(work.path, 'peers.sqlite');
  if (base !== null) {
    context.say(`${scenario}: fills the database`);
    await landfall.load(own, base);
    if (able.some((contender) => contender !== landfall)) copyRows(own, peers);
  }
  const loads = new Map<Contender, Load[]>(able.map((contender) => [contender, []]));
  for (let round = 1; round <= context.repeat; round += 1) {
    // Who comes after whom has made a difference of up to a fifth.
    for (const contender of round % 2 === 1 ? able : able.toReversed()) {
      using folder = workFolder();
      const database = join(folder.path, 'db.sqlite');
      if (base === null) contender.create(database);
      else copyDatabase(contender === landfall ? own : peers, database);
      warm(files);
      await measuring(context, `${scenario}: ${contender.name}, round ${round} of ${context.repeat}`);
      loads.get(contender)?.push(await run(contender, database));
    }
  }
  return new Map(all.map((contender) => [contender.name, contender.missing ?? middle(loads.get(contender) ?? [])]));
}

/** The median time and the greatest memory. */
function middle(loads: readonly Load[]): Load {
  return { ms: median(loads.map((load) => load.ms)), peakMib: Math.max(...loads.map((load) => load.peakMib)) };
}

/** Says what is about to be measured, once the machine is quiet. */
export async function measuring(context: Context, what: string): Promise<void> {
  const quiet = await untilQuiet(context.patienceMs);
  context.say(quiet ? what : `${what} (while the machine is busy with something else)`);
}

export function figures(runs: ReadonlyMap<string, Load | string>, rows: number): Figure[] {
  return [...runs].map(([what, load]) =>
    typeof load === 'string'
      ? { what, note: load }
      : { what, rowsPerSecond: (rows / load.ms) * 1000, ms: load.ms, peakMib: load.peakMib },
  );
}

/** The speed of one, Landfall's if nothing else is said, against a peer's, where both ran. */
export function ratio(
  runs: ReadonlyMap<string, Load | string>,
  peer: string,
  atLeast: number,
  name: string = landfall.name,
): ScenarioResult['marks'] {
  const [own, other] = [runs.get(name), runs.get(peer)];
  if (typeof own !== 'object' || typeof other !== 'object') return [];
  const what = name === landfall.name ? `speed against ${peer}` : `${name}: speed against ${peer}`;
  return [{ what, value: other.ms / own.ms, unit: '×', atLeast }];
}
