/** The scenarios on PostgreSQL: a server of its own for each, on this machine, which does not wait for the disk. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Load, type TableFile, warm, workFolder } from '../contenders.ts';
import type { Context } from '../context.ts';
import { startDaemon } from '../daemon.ts';
import { manyTransactionFiles, procedureFile, visitFile } from '../generate.ts';
import { median, type ScenarioResult } from '../report.ts';
import { type BenchServer, benchServer, createPeerTables, loadByLandfall, loadByPsql, onceOn } from '../server.ts';
import { DAILY_SHARE, TABLE_TIMES, daysAfter, firstAfterStart, takeDays, type Days, type DaysLoad } from './days.ts';
import { measuring, universeOf, wholeFeed } from './load.ts';

/** **server-bulk**: the whole feed into an empty database on PostgreSQL. */
export function serverBulk(context: Context): Promise<ScenarioResult> {
  const files = wholeFeed(context.rows);
  const { procedures, visits } = universeOf(context.rows);
  const rows = context.rows + procedures + visits;
  const about =
    `the whole feed, ${rows.toLocaleString('en-US')} rows in three files, into an empty database on PostgreSQL; whole processes, landfall without the archive; ` +
    'psql with \\copy into a temporary table and one INSERT … ON CONFLICT a table, the same constraints and lineage';
  return onServer('server-bulk', about, async (server) => {
    const runs = await alternate(
      context,
      'server-bulk',
      files,
      {
        async landfall(name) {
          await server.create(name);
          return () => loadByLandfall(server.url(name), files);
        },
        async psql(name) {
          await server.create(name);
          await createPeerTables(server, name);
          return () => loadByPsql(server, name, files, false);
        },
      },
      server,
    );
    return { figures: figuresOf(runs, rows), marks: [against(runs, 0.8)] };
  });
}

/** **server-daily**: a file of which nine rows in ten are new, into a table a hundred times its size, on PostgreSQL. */
export function serverDaily(context: Context): Promise<ScenarioResult> {
  const before = context.rows * TABLE_TIMES;
  const count = Math.round(context.rows * DAILY_SHARE);
  const days = daysAfter(before, count);
  const about =
    `${count.toLocaleString('en-US')} transactions, 9 in 10 new, into a table of ${before.toLocaleString('en-US')} on PostgreSQL; ` +
    `landfall from drop to commit in a daemon that has taken yesterday's and come to rest (settle 0, no archive), psql as a whole process, after yesterday's as well`;
  return onServer('server-daily', about, async (server) => {
    context.say('server-daily: fills the database');
    await server.create('filled');
    await loadByLandfall(server.url('filled'), wholeFeed(before));
    await server.ask('filled', 'VACUUM (ANALYZE)');
    const own: DaysLoad[] = [];
    const runs = await alternate(
      context,
      'server-daily',
      [days.yesterday, days.today],
      {
        async landfall(name) {
          await server.create(name, 'filled');
          return async () => {
            const load = await takeDaysOn(server, name, days);
            own.push(load);
            return load;
          };
        },
        async psql(name) {
          await server.create(name, 'filled');
          // As for Landfall, the server has what yesterday's file needed in its memory.
          await loadByPsql(server, name, [days.yesterday], true);
          return () => loadByPsql(server, name, [days.today], true);
        },
      },
      server,
    );
    return { figures: [...figuresOf(runs, count), firstAfterStart(own, count)], marks: [against(runs, 0.8)] };
  });
}

const FEEDS = 4;

/** **server-feeds**: four daemons with four feeds at once, each in a schema of its own, against one. */
export function serverFeeds(context: Context): Promise<ScenarioResult> {
  const files = wholeFeed(Math.round(context.rows / FEEDS));
  const universe = universeOf(Math.round(context.rows / FEEDS));
  const rows = Math.round(context.rows / FEEDS) + universe.procedures + universe.visits;
  const about = `a feed of ${rows.toLocaleString('en-US')} rows into an empty schema on PostgreSQL, by one process, and four of them by four at once`;
  return onServer('server-feeds', about, async (server) => {
    const load = (name: string, feeds: number) => async (): Promise<Load> => {
      using work = workFolder();
      // Each feed has copies of its own: a hard link that comes or goes changes the file, which the others would then read again.
      const copies = Array.from({ length: feeds }, (_, at) => copyFiles(files, join(work.path, `feed_${at}`)));
      const begun = performance.now();
      const loads = await Promise.all(copies.map((own, at) => loadByLandfall(server.url(name, `feed_${at}`), own)));
      return { ms: performance.now() - begun, peakMib: Math.max(...loads.map(({ peakMib }) => peakMib)) };
    };
    const runs = await alternate(
      context,
      'server-feeds',
      files,
      {
        async one(name) {
          await server.create(name);
          return load(name, 1);
        },
        async four(name) {
          await server.create(name);
          return load(name, FEEDS);
        },
      },
      server,
    );
    const speed = (runs.one.ms * FEEDS) / runs.four.ms;
    return {
      figures: [...figuresOf({ one: runs.one }, rows), ...figuresOf({ four: runs.four }, rows * FEEDS)],
      marks: [{ what: 'rows a second by four against one', value: speed, unit: '×', atLeast: 1 }],
    };
  });
}

function copyFiles(files: readonly TableFile[], folder: string): TableFile[] {
  mkdirSync(folder);
  return files.map(({ table, path }) => {
    const copy = join(folder, basename(path));
    copyFileSync(path, copy);
    return { table, path: copy };
  });
}

/** **server-small-files**: many files of ten rows each on PostgreSQL. */
export function serverSmallFiles(context: Context): Promise<ScenarioResult> {
  const universe = { procedures: 100, visits: 1000 };
  const count = Math.max(20, Math.round((2_000 * context.rows) / 1_000_000));
  const folder = manyTransactionFiles(universe, count, 10);
  const about = `${count.toLocaleString('en-US')} files of 10 transactions with \`once\` on PostgreSQL; the whole process`;
  return onServer('server-small-files', about, async (server) => {
    await server.create('small');
    await loadByLandfall(server.url('small'), [
      { table: 'procedures', path: procedureFile(universe) },
      { table: 'visits', path: visitFile(universe) },
    ]);
    using work = workFolder();
    await measuring(context, 'server-small-files');
    const run = await onceOn(server.url('small'), folder, work.path);
    return {
      figures: figuresOf({ landfall: run }, count * 10),
      marks: [{ what: 'files a second', value: (count / run.ms) * 1000, unit: '', atLeast: 30 }],
    };
  });
}

/** Runs a scenario on a server that is started for it; says why where there is none. */
async function onServer(
  scenario: string,
  about: string,
  measure: (server: BenchServer) => Promise<Pick<ScenarioResult, 'figures' | 'marks'>>,
): Promise<ScenarioResult> {
  const started = await benchServer();
  if (typeof started === 'string') return { scenario, about, figures: [{ what: scenario, note: started }], marks: [] };
  await using server = started;
  return { scenario, about, ...(await measure(server)) };
}

/**
 * Lets contenders take turns, so that what else the machine does falls on all of them.
 * @param contenders each makes a database ready, under the name it is given, and gives what is to be measured
 * @returns the median run of each
 */
async function alternate<Name extends string>(
  context: Context,
  scenario: string,
  files: readonly TableFile[],
  contenders: Readonly<Record<Name, (name: string) => Promise<() => Promise<Load>>>>,
  server: BenchServer,
): Promise<Record<Name, Load>> {
  const names = Object.keys(contenders) as Name[];
  const runs = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Load[]>;
  for (let round = 1; round <= context.repeat; round += 1) {
    for (const name of round % 2 === 1 ? names : names.toReversed()) {
      const database = `bench_${name}_${round}`;
      const measured = await contenders[name](database);
      await server.ask(database, 'CHECKPOINT');
      warm(files);
      await measuring(context, `${scenario}: ${name}, round ${round} of ${context.repeat}`);
      runs[name].push(await measured());
      await server.drop(database);
    }
  }
  return Object.fromEntries(
    names.map((name) => {
      const all = runs[name];
      return [name, { ms: median(all.map(({ ms }) => ms)), peakMib: Math.max(...all.map(({ peakMib }) => peakMib)) }];
    }),
  ) as Record<Name, Load>;
}

async function takeDaysOn(server: BenchServer, name: string, days: Days): Promise<DaysLoad> {
  using work = workFolder();
  const args = ['--settle', '0', '--archive', 'none', '--state-dir', join(work.path, 'state')];
  await using connection = await server.connect(name);
  const daemon = startDaemon(work.path, args, {}, { url: server.url(name), ask: connection.ask });
  try {
    return await takeDays(daemon, days, () => server.ask(name, 'CHECKPOINT'));
  } finally {
    await daemon.stop();
  }
}

function figuresOf(runs: Readonly<Record<string, Load>>, rows: number): ScenarioResult['figures'] {
  return Object.entries(runs).map(([what, { ms, peakMib }]) => ({
    what,
    rowsPerSecond: (rows / ms) * 1000,
    ms,
    peakMib,
  }));
}

function against(runs: Readonly<Record<'landfall' | 'psql', Load>>, atLeast: number): ScenarioResult['marks'][number] {
  return { what: 'speed against psql', value: runs.psql.ms / runs.landfall.ms, unit: '×', atLeast };
}
