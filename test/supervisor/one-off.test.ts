import Database from 'better-sqlite3';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { once } from '../../src/commands/once.ts';
import { STARTING } from '../../src/model/work.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { closeDatabase, openDatabase } from '../../src/store/sqlite/open.ts';
import { createBilling } from '../helpers/billing.ts';
import { captureIo, type CapturedIo } from '../helpers/command-io.ts';
import {
  childrenOf,
  createSite,
  databaseOf,
  query,
  queryUntil,
  untilGone,
  type Running,
  type Site,
} from '../helpers/daemon.ts';
import { writeFeedFile } from '../helpers/feed-files.ts';
import { FEED_FILE, MIGRATIONS, ROOT } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

// `once` and `retry` in the middle of a statement that takes hours, as one over a very large table may take minutes.

const QUICK = ['--settle', '0'];
const billing = createBilling(9);
const SLOW = 'SLOW';

/** A file that a trigger of the user's makes slow, and one after it that is not. */
function makeSlowSite(whenOver: Parameters<typeof createSite>[0]): Site & { slow: string } {
  const site = createSite(whenOver);
  const file = databaseOf(site.folder);
  closeDatabase(
    openDatabase({ file, feed: loadFeed(FEED_FILE), migrations: MIGRATIONS, program: '0.0.0', cacheMib: 4 }),
  );
  const db = new Database(file);
  const thousands = `json_each('[' || substr(replace(hex(zeroblob(5000)), '00', '0,'), 1, 9999) || ']')`;
  db.exec(`CREATE TRIGGER slow AFTER INSERT ON procedures WHEN NEW.procedure_code = '${SLOW}' BEGIN
    SELECT count(*) FROM ${[1, 2, 3, 4].map((at) => `${thousands} AS t${at}`).join(', ')};
  END`);
  db.close();
  const slow = writeFeedFile(site.landing, 'Procedure', '20260801_060000', [
    { ...billing.procedure(), ProcedureCode: SLOW },
  ]);
  writeFeedFile(site.landing, 'Procedure', '20260802_060000', [billing.procedure()]);
  return { ...site, slow: slow.name };
}

/** Waits until another run than `before` is in the middle of the statement. */
async function midStatement(site: Site, before?: unknown): Promise<unknown> {
  return vi.waitFor(
    () => {
      const [run] = query(site.folder, 'SELECT process FROM attempts WHERE process IS NOT NULL').flat();
      if (run === undefined || run === before) throw new Error('not yet');
      return run;
    },
    { timeout: 60_000, interval: 10 },
  );
}

function worker(running: Running): number {
  const [pid = 0] = childrenOf(running.pid);
  return pid;
}

async function crash(running: Running, site: Site, times: number): Promise<void> {
  let last: unknown;
  for (let time = 0; time < times; time++) {
    last = await midStatement(site, last);
    process.kill(worker(running), 'SIGABRT');
  }
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** What `once` is given so that its process runs a script in place of the program. */
function stubbed(
  script: string,
  whenOver: Parameters<typeof tempFolder>[0],
  terminal = false,
): { settings: Settings; io: CapturedIo } {
  const folder = tempFolder(whenOver);
  const stub = join(folder, 'stub.mjs');
  writeFileSync(stub, script);
  const io = captureIo({ terminal });
  const program = { ...io.program, command: [process.execPath, stub] as const };
  const flags = { landing: folder, db: join(folder, 'x.sqlite') };
  return { settings: readSettings({ flags, env: {}, cwd: folder, root: ROOT }), io: { ...io, program } };
}

describe('once', { concurrent: true, timeout: 180_000 }, () => {
  test('ends at the second signal at once, in the middle of a statement; no failure of the file', async ({
    onTestFinished,
  }) => {
    const site = makeSlowSite(onTestFinished);
    const running = site.start('once', { args: QUICK });
    await midStatement(site);
    const pid = worker(running);
    running.child.kill('SIGINT');
    running.child.kill('SIGTERM');
    const begun = performance.now();
    // Of two that come at once either may be the second.
    expect([130, 143]).toContain(await running.ended);
    expect(performance.now() - begun).toBeLessThan(4_500);
    await untilGone(pid);
    expect(query(site.folder, 'SELECT failures FROM attempts')).toEqual([[0]]);
  });

  test('ends 5 s after the first, too, with 1', async ({ onTestFinished }) => {
    const site = makeSlowSite(onTestFinished);
    const running = site.start('once', { args: QUICK });
    await midStatement(site);
    // It hears no more than it did, and takes no processor from the other tests.
    process.kill(worker(running), 'SIGSTOP');
    running.child.kill('SIGTERM');
    const begun = performance.now();
    expect(await running.ended).toBe(1);
    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(running.output()).toContain('stopped before everything was in');
    expect(query(site.folder, 'SELECT failures FROM attempts')).toEqual([[0]]);
  });

  test('P7: goes on when what reads a file crashes; after three times that file is quarantined, and it ends with 3', async ({
    onTestFinished,
  }) => {
    const site = makeSlowSite(onTestFinished);
    const running = site.start('once', { args: QUICK });
    await crash(running, site, 3);
    expect(await running.ended).toBe(3);
    expect(query(site.folder, 'SELECT state, reason_code, attempts FROM files ORDER BY stamp')).toEqual([
      ['quarantined', 'internal_error', 3],
      ['ingested', null, 1],
    ]);
    const told = running
      .log()
      .filter(({ level }) => level === 'error')
      .map(({ msg }) => msg);
    expect(told.filter((message) => String(message).includes('ended (SIGABRT); it is started again'))).toHaveLength(3);
  });

  test('tells what was refused before a crash by its exit code, too', async ({ onTestFinished }) => {
    const site = makeSlowSite(onTestFinished);
    writeFeedFile(site.landing, 'Procedure', '20260731_060000', [billing.procedure(), 'ZQX']);
    const running = site.start('once', { args: QUICK });
    await queryUntil(site.folder, 'SELECT rows_rejected FROM files', [[1]]);
    await crash(running, site, 1);
    renameSync(join(site.landing, site.slow), join(site.folder, 'taken-away'));
    expect(await running.ended).toBe(3);
    expect(query(site.folder, 'SELECT rows_rejected FROM files ORDER BY stamp')).toEqual([[1], [0]]);
  });

  test('gives up after five deaths without a file in between', async ({ onTestFinished }) => {
    const { settings, io } = stubbed(`process.kill(process.pid, 'SIGKILL');`, onTestFinished);
    expect(await once({ settings, given: '' }, io)).toBe(1);
    expect(io.written.out.match(/the worker process ended \(SIGKILL\); it is started again/g)).toHaveLength(4);
    expect(io.written.out).toContain('the worker process ended (SIGKILL); the next run goes on from here');
  });

  test('gives a terminal its cursor back, however it ends', async ({ onTestFinished }) => {
    const working = JSON.stringify({ kind: 'work', work: { ...STARTING, doing: 'ingesting', due: 1 } });
    const { settings, io } = stubbed(`process.send(${working}); setTimeout(() => {}, 60_000);`, onTestFinished, true);
    const [stop, leave] = [new AbortController(), new AbortController()];
    const ended = once({ settings, given: '' }, { ...io, stop: stop.signal, leave: leave.signal });
    await vi.waitFor(
      () => {
        expect(io.written.out).toContain(HIDE_CURSOR);
      },
      { timeout: 30_000, interval: 10 },
    );
    stop.abort();
    leave.abort();
    expect(io.written.out).toContain(SHOW_CURSOR);
    await ended;
  });
});

describe('retry', { concurrent: true, timeout: 180_000 }, () => {
  test('ends with 1 when what reads the file crashes; the file stays asked for', async ({ onTestFinished }) => {
    const site = makeSlowSite(onTestFinished);
    const retry = site.start('retry', { args: [...QUICK, site.slow] });
    await crash(retry, site, 1);
    expect(await retry.ended).toBe(1);
    expect(query(site.folder, 'SELECT name FROM retries')).toEqual([[site.slow]]);
  });

  test('P1: stopped while it waits for a file to stand still, it does not read it; the file stays asked for', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { name } = writeFeedFile(site.landing, 'Procedure', '20260801_060000', [billing.procedure()]);
    const retry = site.start('retry', { args: ['--settle', '1h', name] });
    await vi.waitFor(
      () => {
        expect(query(site.folder, 'SELECT name FROM retries')).toEqual([[name]]);
      },
      { timeout: 60_000, interval: 20 },
    );
    retry.child.kill('SIGTERM');
    expect(await retry.ended).toBe(1);
    expect(query(site.folder, 'SELECT name FROM files')).toEqual([]);
    expect(query(site.folder, 'SELECT name FROM retries')).toEqual([[name]]);
  });
});
