import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { bundle } from '../../src/commands/bundle.ts';
import { report } from '../../src/commands/report.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { createBilling, findLeak } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { addressOf, createSite, databaseOf } from '../helpers/daemon.ts';
import { feedWith } from '../helpers/expecting.ts';
import { feedFileName, writeFeedFile, type DatasetName } from '../helpers/feed-files.ts';
import { ROOT } from '../helpers/ingest.ts';
import { urlOf } from '../helpers/postgres-store.ts';
import { describePostgres, freshDatabase, type TestDatabase } from '../helpers/postgres.ts';
import { receiveHttp, receiveMail } from '../helpers/receivers.ts';

const STAMP = '20260801_060000';
const DATASETS: readonly DatasetName[] = ['Procedure', 'Visit', 'Transaction'];

/** Deliveries that leave something to tell of every kind: rows that wait or are refused, a file that is, warnings, marked everywhere. */
function deliver(landing: string): void {
  const billing = createBilling(5);
  const procedures = Array.from({ length: 20 }, () => billing.procedure());
  const visit = billing.visit(procedures[0] ?? {});
  const orphan = billing.visit(billing.procedure());
  const broken = [2, 3, 4].map(() => billing.procedure({ StandardCharge: 'ZQX', Description: 'ZQX\u0007' }));
  writeFeedFile(landing, 'Procedure', STAMP, [...procedures, ...broken, 'ZQX|1907-01-01|short']);
  writeFeedFile(landing, 'Visit', STAMP, [visit, orphan, { ...visit, VisitDate: 'ZQX some day' }, 'ZQX|"ZQX']);
  writeFeedFile(landing, 'Transaction', STAMP, [Object.values(visit).join('|')], { columns: ['ZQX Smith'] });
  writeFileSync(join(landing, 'HospitalABC_VisitPay_Visits_x.txt'), 'ZQX');
}

/** What an event stream tells first. */
async function firstEvent(url: string): Promise<string> {
  const stop = new AbortController();
  const { body } = await fetch(`${url}events`, { signal: stop.signal });
  let text = '';
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.includes('\n\n')) break;
  }
  stop.abort();
  return text;
}

/** All text files in a folder, and in those in it. */
function textsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}

type Finished = (cleanUp: () => void | Promise<void>) => void;

/** Runs a daemon with all of it switched on, and gathers whatever it says anywhere, by where it says so. */
async function gather(db: (folder: string) => string, onTestFinished: Finished): Promise<Record<string, string>> {
  const site = createSite(onTestFinished);
  const [hook, mail] = [await receiveHttp(onTestFinished), await receiveMail(onTestFinished)];
  const at = (name: string): string => join(site.folder, name);
  writeFileSync(at('webhook'), hook.url);
  writeFileSync(at('smtp'), mail.url);
  const script = `require('fs').appendFileSync(${JSON.stringify(at('command'))}, require('fs').readFileSync(0))`;
  const place = {
    ...{ db: db(site.folder), state_dir: at('state'), landing: site.landing },
    feed: feedWith({ Procedure: ["expect: { every: day, by: '00:00' }"] }, site.folder).path,
  };
  const told = {
    ...{ alert_webhook: at('webhook'), alert_command: JSON.stringify([process.execPath, '-e', script]) },
    ...{ alert_smtp: at('smtp'), alert_from: 'landfall@here', alert_to: 'oncall@here' },
  };
  const settings = { ...place, ...told, receipts: at('receipts'), settle: '50ms', http: '127.0.0.1:0' };
  const flagsOf = (some: object): string[] =>
    Object.entries(some).flatMap(([name, value]) => [`--${name.replaceAll('_', '-')}`, String(value)]);
  deliver(site.landing);
  const daemon = site.start('run', { args: flagsOf(settings) });
  const url = await addressOf(daemon);
  const pathOf = (path: string): string => url + path;
  const textOf = async (path: string): Promise<string> => await (await fetch(pathOf(path))).text();
  await vi.waitFor(
    async () => {
      const kinds = new Set(hook.bodies.map((body) => (JSON.parse(body) as { kind: string }).kind));
      expect([...kinds].toSorted()).toEqual(['overdue', 'quarantined', 'rejected', 'unrecognised']);
      expect(mail.mails).toHaveLength(hook.bodies.length);
      expect(readFileSync(at('command'), 'utf8').trimEnd().split('\n')).toHaveLength(hook.bodies.length);
      const metrics = await textOf('metrics');
      expect(metrics).toContain('landfall_conditions{kind="quarantined"} 1');
      expect(metrics).toContain('landfall_waiting_rows');
      expect(readdirSync(at('receipts')).length).toBeGreaterThanOrEqual(3);
    },
    { timeout: 120_000, interval: 100 },
  );
  const served = ['', 'metrics', 'status.json', 'files', 'files?state=quarantined', 'files/1', 'files/2', 'files/3'];
  const pages = await Promise.all(served.map(async (path) => [`/${path}`, await textOf(path)] as const));
  writeFileSync(at('log'), daemon.output() + daemon.errors());
  const sources = { flags: { ...place, ...told }, env: {}, cwd: ROOT, root: ROOT };
  const io = captureIo({ now: new Date() });
  await bundle({ out: at('bundle.tar.gz'), log: at('log'), sources }, io);
  mkdirSync(at('bundle'));
  execFileSync('tar', ['-xzf', at('bundle.tar.gz'), '-C', at('bundle')]);
  for (const dataset of DATASETS)
    for (const json of [false, true])
      await report({ settings: readSettings(sources), name: feedFileName(dataset, STAMP), json }, io);
  const own = existsSync(at('state')) ? at('state') : join(site.folder, 'db');
  const beside = readdirSync(own).filter((name) => /\.(?:alerts|alive)$/.test(name));
  return {
    ...Object.fromEntries(pages),
    events: await firstEvent(url),
    webhook: hook.bodies.join('\n'),
    mails: mail.mails.join('\n'),
    command: readFileSync(at('command'), 'utf8'),
    receipts: textsIn(at('receipts')).join('\n'),
    bundle: textsIn(at('bundle')).join('\n'),
    report: io.written.out + io.written.err,
    'own files': beside.map((name) => readFileSync(join(own, name), 'utf8')).join('\n'),
    log: readFileSync(at('log'), 'utf8'),
  };
}

/** What each must say, so that a place that says nothing is not taken for one that keeps its mouth shut. */
const SAYS: Readonly<Record<string, string>> = {
  '/': 'needs someone',
  '/metrics': 'landfall_waiting_rows',
  '/status.json': '"quarantined"',
  '/files': '>unrecognised</span>',
  '/files?state=quarantined': 'quarantined',
  '/files/1': 'Rows not loaded',
  '/files/2': 'Rows not loaded',
  '/files/3': 'Rows not loaded',
  events: 'event: parts',
  webhook: '"rejected:',
  mails: 'Subject: ',
  command: '"quarantined:',
  receipts: '"reject_counts"',
  bundle: 'CREATE TABLE',
  report: 'bad_date',
  'own files': '"told"',
  log: '"msg":"ingested"',
};

async function holdsNoValue(db: (folder: string) => string, onTestFinished: Finished): Promise<void> {
  const said = await gather(db, onTestFinished);
  expect(Object.keys(said).toSorted()).toEqual(Object.keys(SAYS).toSorted());
  for (const [where, text] of Object.entries(said)) {
    expect([where, text.includes(SAYS[where] ?? '')]).toEqual([where, true]);
    expect([where, findLeak(text)]).toEqual([where, null]);
    // The address of the webhook is a secret.
    expect([where, text.includes('SECRET')]).toEqual([where, false]);
  }
}

const TITLE =
  'P8: with all of it switched on, no marked value is in page, metrics, alerts, mails, receipts, bundle, report, log or files of its own';

describe('SQLite', { timeout: 240_000 }, () => {
  test(TITLE, async ({ onTestFinished }) => {
    await holdsNoValue(databaseOf, onTestFinished);
  });
});

describePostgres('PostgreSQL', { timeout: 240_000 }, () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  test(TITLE, async ({ onTestFinished }) => {
    await holdsNoValue(() => urlOf(database.place), onTestFinished);
  });
});
