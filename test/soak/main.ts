/**
 * `npm run soak -- [--minutes N] [--rate N]`: a daemon with a small page cache takes files without end, with corrections
 * and orphans, while a client reads. Prints how memory, open files, timers, the write-ahead log and the latency from drop
 * to commit change after the first fifth of the time; ends with exit code 1 where one of them rises.
 */
import Database from 'better-sqlite3';
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { auditAccounts } from '../campaign/accounts.ts';
import { checkIntegrity } from '../campaign/compare.ts';
import { createBilling } from '../helpers/billing.ts';
import { feedFileName, feedFileText, type DatasetName, type Row } from '../helpers/feed-files.ts';
import { createRandom } from '../helpers/random.ts';
import type { Resources } from './count-resources.ts';
import { rises, slopeOf } from './slope.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, rate: { type: 'string', default: '2' } },
});
const totalMs = Number(values.minutes) * 60_000;
const gapMs = 1000 / Number(values.rate);
const warmUpMs = totalMs / 5;
const ROWS = 40;
const SETTLE_MS = 200;
/** A rise over the time watched of less than this share of the mean is taken for none. */
const TOLERANCE = 0.05;

const folder = mkdtempSync(join(tmpdir(), 'landfall-soak-'));
const landing = join(folder, 'landing');
const database = join(folder, 'db.sqlite');
const resources = join(folder, 'resources');
mkdirSync(landing);
writeFileSync(resources, '');
const log = openSync(join(folder, 'log'), 'a');
const daemon = spawn(
  process.execPath,
  [
    ...[join(import.meta.dirname, '../../bin/landfall.cjs'), 'run', '--landing', landing, '--db', database],
    ...['--settle', `${SETTLE_MS}ms`, '--cache-mib', '2', '--after', 'remove', '--remove-after', '2s'],
  ],
  {
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'count-resources.ts')).href}`,
      LANDFALL_SOAK_RESOURCES: resources,
    },
  },
);
const ended = new Promise<number | null>((resolve) => daemon.on('exit', resolve));
const supervisor = daemon.pid;
if (supervisor === undefined) throw new Error('the daemon cannot be started');

type Series = 'supervisor MiB' | 'worker MiB' | 'open files' | 'timers' | 'resources' | 'log MiB' | 'latency ms';
const series = new Map<Series, [minutes: number, value: number][]>();
const begun = performance.now();
const note = (name: Series, value: number): void => {
  const points = series.get(name) ?? [];
  series.set(name, points);
  points.push([(performance.now() - begun) / 60_000, value]);
};

/** What is dropped: rows of all three types, one in three about older keys, some before their parents. */
function createSender(): () => { name: string; text: string } {
  const random = createRandom(4);
  const billing = createBilling(4);
  const procedures: Row[] = Array.from({ length: 50 }, () => billing.procedure());
  const visits: Row[] = Array.from({ length: 200 }, () => billing.visit(random.pick(procedures)));
  const sent: { name: string; dataset: DatasetName; rows: Row[] }[] = [];
  let stamp = Date.parse('2025-06-02T00:00:00Z');
  const times = (make: () => Row): Row[] => Array.from({ length: ROWS }, make);
  return () => {
    stamp += 60_000;
    const earlier = sent.at(-1 - random.below(10));
    if (earlier !== undefined && random.chance(0.2)) {
      // A correction: the same name, some rows changed.
      const column = earlier.dataset === 'Visit' ? 'Status' : 'Description';
      const rows = earlier.rows.map((row, at) => (at % 3 === 0 ? { ...row, [column]: `Changed ${stamp}` } : row));
      return { name: earlier.name, text: feedFileText(earlier.dataset, rows) };
    }
    const dataset =
      sent.length === 0 ? 'Procedure' : random.pick(['Procedure', 'Visit', 'Transaction', 'Transaction'] as const);
    const rows = times(() => {
      switch (dataset) {
        case 'Procedure':
          return random.pick(procedures);
        case 'Visit': {
          const fresh = billing.visit(random.pick(procedures));
          visits[random.below(visits.length)] = fresh;
          return fresh;
        }
        case 'Transaction':
          // Its visit may come later, or never: then the row waits.
          return billing.transaction(random.pick(visits));
      }
    });
    const name = feedFileName(dataset, new Date(stamp));
    sent.push({ name, dataset, rows });
    if (sent.length > 50) sent.shift();
    return { name, text: feedFileText(dataset, rows) };
  };
}

/** Waits until as many revisions are in as were sent. */
async function caughtUp(reader: Database.Database, revisions: number): Promise<void> {
  const count = reader.prepare<[], number>('SELECT count(*) FROM files WHERE revision > 0').pluck();
  const deadline = performance.now() + 30_000;
  while ((count.get() ?? 0) < revisions) {
    if (performance.now() > deadline || daemon.exitCode !== null)
      throw new Error(`not ingested in time: see ${folder}/log`);
    await sleep(2);
  }
}

/** The processes: memory, open files, timers; and the write-ahead log. */
function sample(): void {
  if (supervisor === undefined) return;
  const worker = Number(readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8').split(' ')[0]);
  const memory = (pid: number): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  const files = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
  note('supervisor MiB', memory(supervisor));
  note('worker MiB', memory(worker));
  note('open files', files(supervisor) + files(worker));
  note('log MiB', (statSync(`${database}-wal`, { throwIfNoEntry: false })?.size ?? 0) / 2 ** 20);
  const latest = new Map<number, Resources>();
  for (const line of readFileSync(resources, 'utf8').trimEnd().split('\n')) {
    if (line === '') continue;
    const each = JSON.parse(line) as Resources;
    latest.set(each.pid, each);
  }
  const both = [...latest.values()];
  note(
    'timers',
    both.reduce((sum, each) => sum + each.timers, 0),
  );
  note(
    'resources',
    both.reduce((sum, each) => sum + each.resources, 0),
  );
  writeFileSync(resources, '');
}

const next = createSender();
const contents: Buffer[] = [];
let reader: Database.Database | null = null;
let client: Database.Database | null = null;
let sampleAt = 0;
let sent = 0;
try {
  for (let due = performance.now(); performance.now() - begun < totalMs; due += gapMs) {
    await sleep(Math.max(0, due - performance.now()));
    const { name, text } = next();
    contents.push(Buffer.from(text));
    writeFileSync(join(landing, `.${name}.part`), text);
    const dropped = performance.now();
    renameSync(join(landing, `.${name}.part`), join(landing, name));
    sent += 1;
    while (reader === null) {
      await sleep(50);
      if (readdirSync(folder).includes('db.sqlite-wal')) reader = new Database(database, { readonly: true });
    }
    await caughtUp(reader, sent);
    note('latency ms', performance.now() - dropped - SETTLE_MS);
    // A client that reads all the while, in transactions that last four files, and looks up for one between them: while
    // a transaction is open SQLite must keep all of the log that was written since.
    if (sent % 5 === 0) {
      client?.close();
      client = null;
    } else if (client === null) {
      client = new Database(database, { readonly: true });
      client.exec('BEGIN');
      client.prepare('SELECT count(*), sum(amount_cents) FROM transactions JOIN visits USING (visit_id)').get();
    }
    if (performance.now() > sampleAt) {
      sampleAt = performance.now() + totalMs / 120;
      sample();
    }
  }
  client?.close();
  reader?.close();
} finally {
  daemon.kill('SIGTERM');
}
const code = await ended;

let bad = code !== 0;
process.stdout.write(`${sent} files of ${ROWS} rows in ${values.minutes} min; the daemon ended with ${code}\n`);
process.stdout.write(
  `${'after the first fifth'.padEnd(22)}${'mean'.padStart(10)}${'per min'.padStart(12)}${'± error'.padStart(12)}\n`,
);
const watched = (totalMs - warmUpMs) / 60_000;
for (const [name, points] of series) {
  const line = slopeOf(points.filter(([minutes]) => minutes * 60_000 >= warmUpMs));
  const up = rises(line, watched, TOLERANCE);
  bad ||= up;
  const cells = [line.mean, line.slope, line.error].map((value, at) => value.toFixed(3).padStart(at === 0 ? 10 : 12));
  process.stdout.write(`${name.padEnd(22)}${cells.join('')}  ${up ? 'RISES' : 'steady'}\n`);
}
const after = new Database(database, { readonly: true });
const problems = [...auditAccounts(after, contents), ...checkIntegrity(after)];
after.close();
for (const problem of problems.slice(0, 20)) process.stdout.write(`${problem}\n`);
if (problems.length === 0) process.stdout.write('the books and the integrity of the database are in order\n');
bad ||= problems.length > 0;
if (bad) process.stdout.write(`its files are in ${folder}\n`);
else rmSync(folder, { recursive: true });
process.exitCode = bad ? 1 : 0;
