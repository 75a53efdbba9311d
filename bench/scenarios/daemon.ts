/** The scenarios that watch a running daemon from outside. */
import { linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { feedFileName, feedFileText } from '../../test/helpers/feed-files.ts';
import { landfall, runLandfall, workFolder } from '../contenders.ts';
import type { Context } from '../context.ts';
import { dropText, startDaemon } from '../daemon.ts';
import { manyTransactionFiles, procedureFile, visitFile } from '../generate.ts';
import { median, percentile, type ScenarioResult } from '../report.ts';
import { measuring } from './load.ts';

const UNIVERSE = { procedures: 100, visits: 1000 };

/** What a scenario's size comes to for `context.rows` (1,000,000 rows: as written). */
function scaled(context: Context, atFullSize: number, least: number): number {
  return Math.max(least, Math.round((atFullSize * context.rows) / 1_000_000));
}

/** A name for the nth small file. */
function nameOf(at: number): string {
  const stamp = new Date(Date.parse('2025-05-01T00:00:00Z') + at * 1000);
  return feedFileName('Procedure', stamp);
}

/** A file of procedures that no other holds. */
function smallFile(at: number, rows: number): string {
  return feedFileText(
    'Procedure',
    Array.from({ length: rows }, (_, row) => ({
      ProcedureID: `N${at}-${row}`,
      ProcedureCode: '99213',
      CodeSystem: 'CPT',
      Description: `Small file ${at}, row ${row}`,
      StandardCharge: '12.50',
      EffectiveDate: '2025-01-01',
    })),
  );
}

/** **latency**: a 100-row file, drop to commit, beyond the settle time. */
export async function latency(context: Context): Promise<ScenarioResult> {
  const times = scaled(context, 200, 5);
  const settleMs = 200;
  using work = workFolder();
  const daemon = startDaemon(work.path, ['--settle', `${settleMs}ms`]);
  const beyond: number[] = [];
  await measuring(context, 'latency');
  try {
    dropText(daemon, nameOf(0), smallFile(0, 100));
    await daemon.ingested(nameOf(0));
    for (let at = 1; at <= times; at += 1) {
      if (at % 50 === 1) context.say(`latency: file ${at} of ${times}`);
      // Not in step with anything that comes round by the clock.
      await sleep(20 + ((at * 37) % 100));
      const text = smallFile(at, 100);
      const begun = performance.now();
      dropText(daemon, nameOf(at), text);
      beyond.push((await daemon.ingested(nameOf(at))) - begun - settleMs);
    }
  } finally {
    await daemon.stop();
  }
  const [half, most] = [median(beyond), percentile(beyond, 0.99)];
  return {
    scenario: 'latency',
    about: `a file of 100 rows, ${times} times: from the drop to when another client sees it, less the settle time of ${settleMs} ms`,
    figures: [
      { what: 'p50', ms: half },
      { what: 'p99', ms: most },
      { what: 'longest', ms: Math.max(...beyond) },
    ],
    marks: [
      { what: 'p50', value: half, unit: 'ms', atMost: 50 },
      { what: 'p99', value: most, unit: 'ms', atMost: 200 },
    ],
  };
}

/** **small files**: many files of ten rows. */
export async function smallFiles(context: Context): Promise<ScenarioResult> {
  const files = scaled(context, 10_000, 20);
  const folder = manyTransactionFiles(UNIVERSE, files, 10);
  using work = workFolder();
  const landing = join(work.path, 'landing');
  const database = join(work.path, 'db.sqlite');
  await landfall.load(database, parents());
  mkdirSync(landing);
  for (const name of readdirSync(folder)) linkSync(join(folder, name), join(landing, name));
  await measuring(context, `small-files: ${files} files`);
  const { ms, peakMib } = await runLandfall(['once', '--landing', landing, '--db', database, '--log-level', 'warn']);
  return {
    scenario: 'small-files',
    about: `${files.toLocaleString('en-US')} files of 10 transactions with \`once\`; the whole process`,
    figures: [{ what: 'landfall', rowsPerSecond: (files * 10_000) / ms, ms, peakMib }],
    marks: [{ what: 'files a second', value: (files / ms) * 1000, unit: '', atLeast: 300 }],
  };
}

/** **crowd**: very many ingested files lie in the landing folder. */
export async function crowd(context: Context): Promise<ScenarioResult> {
  const files = scaled(context, 100_000, 50);
  using work = workFolder();
  const landing = join(work.path, 'landing');
  mkdirSync(landing);
  const long = new Date('2025-06-01T00:00:00Z');
  for (let at = 0; at < files; at += 1) dropText({ landing }, nameOf(at), smallFile(at, 1), long);
  context.say(`crowd: ingests ${files} files first`);
  await runLandfall(['once', '--landing', landing, '--db', join(work.path, 'db.sqlite'), '--log-level', 'warn']);

  await measuring(context, 'crowd: starts');
  dropText({ landing }, nameOf(files), smallFile(files, 1), long);
  const begun = performance.now();
  const daemon = startDaemon(work.path, ['--settle', '0']);
  const rescans: number[] = [];
  let startMs;
  try {
    startMs = (await daemon.ingested(nameOf(files))) - begun;
    for (let at = 1; at <= 10; at += 1) {
      await sleep(2000 * Math.min(1, context.rows / 1_000_000));
      const dropped = performance.now();
      dropText(daemon, nameOf(files + at), smallFile(files + at, 1), long);
      rescans.push((await daemon.ingested(nameOf(files + at))) - dropped);
    }
  } finally {
    await daemon.stop();
  }
  const rescan = median(rescans);
  return {
    scenario: 'crowd',
    about:
      `${files.toLocaleString('en-US')} ingested files in the landing folder: from the start of \`run\` until a new one is in, and, ` +
      `as the time of a rescan, from the drop of another until it is in (median of 10)`,
    figures: [
      { what: 'start', ms: startMs },
      { what: 'rescan', ms: rescan, peakMib: daemon.peakMib() },
    ],
    marks: [
      { what: 'start', value: startMs / 1000, unit: 's', atMost: 3 },
      { what: 'rescan', value: rescan, unit: 'ms', atMost: 500 },
      { what: 'memory of both processes', value: daemon.peakMib(), unit: 'MiB', atMost: 300 },
    ],
  };
}

/** **idle**: the daemon with nothing to do. */
export async function idle(context: Context): Promise<ScenarioResult> {
  const files = scaled(context, 1000, 10);
  const seconds = scaled(context, 120, 1);
  using work = workFolder();
  const daemon = startDaemon(work.path, ['--settle', '0']);
  let usedMs;
  try {
    for (let at = 0; at < files; at += 1) dropText(daemon, nameOf(at), smallFile(at, 1));
    await daemon.ingested(nameOf(files - 1));
    await sleep(Math.min(seconds, 10) * 1000);
    await measuring(context, `idle: watches for ${seconds} s`);
    const before = daemon.processorMs();
    await sleep(seconds * 1000);
    usedMs = daemon.processorMs() - before;
  } finally {
    await daemon.stop();
  }
  const share = (usedMs / (seconds * 1000)) * 100;
  return {
    scenario: 'idle',
    about: `the daemon with nothing to do for ${seconds} s, ${files.toLocaleString('en-US')} ingested files in the folder`,
    figures: [{ what: 'landfall', ms: usedMs, note: 'processor time of both processes' }],
    marks: [{ what: 'share of a core', value: share, unit: '%', atMost: 0.1 }],
  };
}

/** The parents that the small files of transactions refer to. */
function parents(): { table: 'procedures' | 'visits'; path: string }[] {
  return [
    { table: 'procedures', path: procedureFile(UNIVERSE) },
    { table: 'visits', path: visitFile(UNIVERSE) },
  ];
}
