/** The scenario of what guards a table: protected columns, and a check before the merge. */
import { cpSync, linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makeKeyFile } from '../../src/protection/key-file.ts';
import { CACHE_MIB, LAUNCHER, ROOT, warm, workFolder, type TableFile } from '../contenders.ts';
import type { Context } from '../context.ts';
import { measureProcess } from '../process.ts';
import { median, type ScenarioResult } from '../report.ts';
import { measuring, wholeFeed } from './load.ts';

/** What is put into a copy of the shipped feed. */
const PROTECTED = `protect: { visits.patient_id: hash, visits.patient_name: hash, visits.patient_phone: hash }\n`;
const CHECKED = 'table: visits\n    checks: [{ name: twice }]\n';
const CHECK = 'SELECT source_line FROM incoming GROUP BY visit_id HAVING count(*) > 1\n';

interface Cost {
  readonly ms: number;
  readonly processorMs: number;
}

/**
 * **guards**: the procedures and visits as the feed is shipped, with three columns of patients hashed, and with a check on the rows of
 * visits. What is judged is the processor time of all processes: it is the same on a machine that does something else besides.
 */
export async function guards(context: Context): Promise<ScenarioResult> {
  const files = wholeFeed(context.rows).slice(0, 2);
  using work = workFolder();
  const key = join(work.path, 'key');
  makeKeyFile(key);
  const flags: Readonly<Record<string, readonly string[]>> = {
    plain: [],
    hashed: ['--env', 'guarded', '--key-file', key],
    checked: ['--feed', join(work.path, 'checked')],
  };
  makeFeeds(work.path);
  const costs = new Map<string, Cost[]>(Object.keys(flags).map((name) => [name, []]));
  for (let round = 1; round <= context.repeat; round += 1) {
    for (const [name, more] of Object.entries(flags)) {
      warm(files);
      await measuring(context, `guards: ${name}, round ${round} of ${context.repeat}`);
      const feed = name === 'checked' ? [] : ['--feed', join(work.path, 'feed')];
      costs.get(name)?.push(await load(files, [...feed, ...more]));
    }
  }
  const middle = (name: string): Cost => ({
    ms: median((costs.get(name) ?? []).map(({ ms }) => ms)),
    processorMs: median((costs.get(name) ?? []).map(({ processorMs }) => processorMs)),
  });
  const rows = files.reduce((sum, { path }) => sum + readFileSync(path, 'utf8').split('\n').length - 2, 0);
  const [plain, hashed, checked] = [middle('plain'), middle('hashed'), middle('checked')];
  return {
    scenario: 'guards',
    about:
      `${rows.toLocaleString('en-US')} procedures and visits with \`once\`: as shipped, with patient_id, patient_name and patient_phone ` +
      'hashed (the archive is sealed), and with a check on the incoming visits',
    figures: Object.entries({ plain, hashed, checked }).map(([what, { ms, processorMs }]) => ({
      ...{ what, ms, rowsPerSecond: (rows / ms) * 1000 },
      note: `${Math.round(processorMs)} ms of processor time`,
    })),
    marks: [
      {
        what: 'speed with hashed columns, by processor time',
        value: plain.processorMs / hashed.processorMs,
        unit: '×',
        atLeast: 0.6,
      },
      {
        what: 'speed with a check, by processor time',
        value: plain.processorMs / checked.processorMs,
        unit: '×',
        atLeast: 0.5,
      },
    ],
  };
}

/** Copies of the shipped feed: one with an environment that protects, one with a check. */
function makeFeeds(folder: string): void {
  for (const name of ['feed', 'checked']) cpSync(join(ROOT, 'feeds/visitpay'), join(folder, name), { recursive: true });
  const environments = join(folder, 'feed/environments');
  mkdirSync(environments, { recursive: true });
  writeFileSync(join(environments, 'guarded.yaml'), PROTECTED);
  const definition = join(folder, 'checked/feed.yaml');
  writeFileSync(definition, readFileSync(definition, 'utf8').replace('table: visits\n', CHECKED));
  mkdirSync(join(folder, 'checked/checks/sqlite'), { recursive: true });
  writeFileSync(join(folder, 'checked/checks/sqlite/twice.sql'), CHECK);
}

/** Bash's `time` counts what a process and all below it have used. */
async function load(files: readonly TableFile[], flags: readonly string[]): Promise<Cost> {
  using work = workFolder();
  const landing = join(work.path, 'landing');
  mkdirSync(landing);
  for (const { path } of files) linkSync(path, join(landing, basename(path)));
  const args = ['once', '--landing', landing, '--db', join(work.path, 'db.sqlite'), '--settle', '0', ...flags];
  const script = `TIMEFORMAT='%U %S'; { time "$@" > /dev/null 2> /dev/null; } 2>&1`;
  const command = [process.execPath, LAUNCHER, ...args, '--cache-mib', String(CACHE_MIB)];
  const { ms, stdout } = await measureProcess('bash', ['-c', script, 'bash', ...command]);
  const [user = NaN, system = NaN] = stdout.trim().split(' ').map(Number);
  return { ms, processorMs: (user + system) * 1000 };
}
