import Database from 'better-sqlite3';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { checkDaemon, type DaemonHealth } from '../../src/status/health.ts';
import { createBilling } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { heartbeatWhen, createSite, databaseOf, query, queryUntil, type Running } from '../helpers/daemon.ts';
import { fillDisk, growDisk, mountDisk } from '../helpers/disk.ts';
import { writeFeedFile } from '../helpers/feed-files.ts';

// Faults from outside, met by a real daemon.

const QUICK = ['--settle', '50ms'];
const STAMP = '20260801_060000';
const billing = createBilling(11);

function told(running: Running, text: string): number {
  return running.log().filter((line) => String(line['msg']).includes(text)).length;
}

/** Waits for a line of the log, which may come after the heartbeat that says the same. */
async function untilOver(running: Running): Promise<void> {
  await vi.waitFor(
    () => {
      expect(told(running, 'over: ')).toBe(1);
    },
    { timeout: 10_000, interval: 20 },
  );
}

async function idle(folder: string): Promise<void> {
  await heartbeatWhen(folder, ({ work }) => work.doing === 'idle' && work.faults.length === 0);
}

describe('the daemon', { concurrent: true, timeout: 180_000 }, () => {
  test('P7: waits while another program holds the write lock, says so once, and goes on', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const daemon = site.start('run', { args: QUICK });
    await idle(site.folder);
    const other = new Database(databaseOf(site.folder));
    onTestFinished(() => {
      other.close();
    });
    other.exec('BEGIN IMMEDIATE');
    writeFeedFile(site.landing, 'Procedure', STAMP, [billing.procedure()]);
    await heartbeatWhen(site.folder, ({ work }) => work.faults.some((fault) => fault.kind === 'database'));
    writeFeedFile(site.landing, 'Procedure', '20260802_060000', [billing.procedure()]);
    // Long enough for several attempts.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    other.exec('COMMIT');
    await queryUntil(site.folder, 'SELECT state FROM files', [['ingested'], ['ingested']]);
    await idle(site.folder);
    await untilOver(daemon);
    expect(told(daemon, 'another program holds the write lock')).toBe(2);
    expect(told(daemon, 'over: ')).toBe(1);
  });

  test('P7: a full folder for temporary files is named, and not the disk of the database', async ({
    onTestFinished,
    skip,
  }) => {
    const site = createSite((cleanUp) => {
      onTestFinished(cleanUp);
    });
    const temporary = join(site.folder, 'temporary');
    if (!mountDisk(temporary, 'size=256k', onTestFinished)) skip('a file system cannot be mounted here');
    const daemon = site.start('run', { args: QUICK, env: { SQLITE_TMPDIR: temporary } });
    await idle(site.folder);
    const rows = (text: string) =>
      Array.from({ length: 6_000 }, (_, i) => ({
        ProcedureID: `P${i}`,
        ProcedureCode: 'C',
        Description: text.repeat(200),
      }));
    writeFeedFile(site.landing, 'Procedure', STAMP, rows('a'));
    await queryUntil(site.folder, 'SELECT state FROM files', [['ingested']]);
    // What is changed is kept beside, to be put back where a row is refused.
    writeFeedFile(site.landing, 'Procedure', '20260802_060000', rows('b'));
    const { work } = await heartbeatWhen(site.folder, ({ work: { faults } }) => faults.length > 0);
    expect(work.faults[0]).toMatchObject({ kind: 'database' });
    expect(work.faults[0]?.problem).toContain(`no room left in ${temporary}, where SQLite keeps temporary files (`);
    expect(work.faults[0]?.problem).toContain('SQLITE_TMPDIR');
    growDisk(temporary, 'size=64m');
    await queryUntil(site.folder, 'SELECT state, attempts FROM files', [
      ['ingested', 1],
      ['ingested', 1],
    ]);
    await idle(site.folder);
    await untilOver(daemon);
    expect(told(daemon, 'over: ')).toBe(1);
  });

  test('P7: a full disk under the database: nothing half-written, and the file goes in when there is room', async ({
    onTestFinished,
    skip,
  }) => {
    const site = createSite((cleanUp) => {
      onTestFinished(cleanUp);
    });
    const folder = join(site.folder, 'db');
    if (!mountDisk(folder, 'size=1m', onTestFinished)) skip('a file system cannot be mounted here');
    const daemon = site.start('run', { args: QUICK });
    await idle(site.folder);
    const rows = Array.from({ length: 8_000 }, () => billing.procedure());
    writeFeedFile(site.landing, 'Procedure', STAMP, rows);
    await heartbeatWhen(site.folder, ({ work }) => work.faults.some((fault) => fault.kind === 'database'));
    expect(query(site.folder, 'SELECT count(*) FROM procedures')).toEqual([[0]]);
    growDisk(folder, 'size=64m');
    await queryUntil(site.folder, 'SELECT revision, state, rows_inserted FROM files', [[1, 'ingested', 8_000]], 30_000);
    await idle(site.folder);
    await untilOver(daemon);
    expect(told(daemon, 'no room left (free space on the disk of the database)')).toBe(2);
  });

  test.for([
    ['on which none has run', false],
    ['on which one has run', true],
  ] as const)('says that it waits for room, before it has the lock, on a disk %s', async ([, again], context) => {
    const { onTestFinished, skip } = context;
    const site = createSite((cleanUp) => {
      onTestFinished(cleanUp);
    });
    const folder = join(site.folder, 'db');
    if (!mountDisk(folder, 'size=1m', onTestFinished)) skip('a file system cannot be mounted here');
    if (again) {
      const before = site.start('run', { args: QUICK });
      await idle(site.folder);
      before.child.kill('SIGTERM');
      await before.ended;
    }
    fillDisk(folder);
    const daemon = site.start('run', { args: QUICK });
    const seen = (): DaemonHealth =>
      checkDaemon({ db: databaseOf(site.folder), landing: '', stateDir: '' }, new Date());
    await vi.waitFor(
      () => {
        expect(seen().problem?.text).toContain('no room left');
        expect(told(daemon, 'no room left')).toBe(1);
      },
      { timeout: 60_000, interval: 20 },
    );
    expect(seen().lives).toBe(true);
    growDisk(folder, 'size=64m');
    await idle(site.folder);
    expect(seen()).toMatchObject({ lives: true, problem: null, heartbeat: { pid: daemon.pid } });
  });

  test('stopped as a whole and continued, it goes on', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const daemon = site.start('run', { args: QUICK });
    await idle(site.folder);
    const { workerPid } = await heartbeatWhen(site.folder, (alive) => alive.workerPid !== null);
    for (const pid of [daemon.pid, workerPid ?? 0]) process.kill(pid, 'SIGSTOP');
    writeFeedFile(site.landing, 'Procedure', STAMP, [billing.procedure()]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const pid of [daemon.pid, workerPid ?? 0]) process.kill(pid, 'SIGCONT');
    await queryUntil(site.folder, 'SELECT state FROM files', [['ingested']]);
    await heartbeatWhen(site.folder, (alive) => alive.workerPid === workerPid);
    expect(told(daemon, 'hangs')).toBe(0);
  });

  test('a damaged database stops it with 4 and what to do, and it is not started again', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const first = site.start('run', { args: QUICK });
    await idle(site.folder);
    const rows = Array.from({ length: 5_000 }, () => billing.procedure());
    writeFeedFile(site.landing, 'Procedure', STAMP, rows);
    await queryUntil(site.folder, 'SELECT state FROM files', [['ingested']]);
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    damage(databaseOf(site.folder));
    const second = site.start('run', { args: QUICK });
    writeFeedFile(site.landing, 'Procedure', '20260802_060000', rows);
    expect(await second.ended).toBe(4);
    expect(second.log().at(-2)).toMatchObject({ level: 'fatal' });
    expect(told(second, 'landfall verify')).toBe(1);
    expect(told(second, 'started again')).toBe(0);
  });
});

/** Overwrites all pages but the first few, which hold the schema. */
function damage(file: string): void {
  const PAGE = 4096;
  const handle = openSync(file, 'r+');
  for (let offset = 40 * PAGE; offset < statSync(file).size; offset += PAGE) {
    writeSync(handle, Buffer.alloc(PAGE, 0xee), 0, PAGE, offset);
  }
  closeSync(handle);
}

describe('retry', { timeout: 180_000 }, () => {
  async function retry(folder: string, names: readonly string[]): Promise<{ code: number; out: string; err: string }> {
    const io = captureIo();
    const places = ['--landing', join(folder, 'landing'), '--db', databaseOf(folder)];
    const code = await runCommandLine(['retry', ...places, ...names], {
      open: () => ({ ...io, now: () => new Date() }),
    });
    return { code, ...io.written };
  }

  test('asks the daemon where one runs; it reads the file again within moments, as a new revision', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    site.start('run', { args: QUICK });
    await idle(site.folder);
    const { name } = writeFeedFile(site.landing, 'Procedure', STAMP, [billing.procedure()]);
    await queryUntil(site.folder, 'SELECT state FROM files', [['ingested']]);
    expect(await retry(site.folder, [name])).toMatchObject({ code: 0, err: '' });
    await queryUntil(site.folder, 'SELECT revision, state FROM files ORDER BY 1', [
      [1, 'replaced'],
      [2, 'ingested'],
    ]);
    await vi.waitFor(
      () => {
        expect(query(site.folder, 'SELECT * FROM retries')).toEqual([]);
      },
      { timeout: 30_000, interval: 20 },
    );
  });

  test('is heard also right after another, and where the folder is hardly ever listed', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    site.start('run', { args: [...QUICK, '--rescan', '0 0 1 1 *'] });
    await idle(site.folder);
    const [first, second] = ['20260801_060000', '20260802_060000'].map(
      (stamp) => writeFeedFile(site.landing, 'Procedure', stamp, [billing.procedure()]).name,
    );
    await queryUntil(site.folder, 'SELECT count(*) FROM files', [[2]]);
    for (const [times, name] of [first, second, second].entries()) {
      expect(await retry(site.folder, [name ?? ''])).toMatchObject({ code: 0 });
      await queryUntil(site.folder, 'SELECT count(*) FROM files', [[3 + times]]);
    }
  });

  test('reads it itself where none runs; a name that is not there is refused', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const rows = [billing.procedure(), { ...billing.procedure(), EffectiveDate: 'never' }];
    const { name } = writeFeedFile(site.landing, 'Procedure', STAMP, rows);
    expect(await site.start('once', { args: QUICK }).ended).toBe(3);
    const { code, out } = await retry(site.folder, [name]);
    expect(code).toBe(3);
    expect(out).toContain('"revision":2');
    expect(query(site.folder, 'SELECT revision, state FROM files ORDER BY 1')).toEqual([
      [1, 'replaced'],
      [2, 'ingested'],
    ]);
    expect(await retry(site.folder, ['none.txt', name])).toMatchObject({ code: 1, out: '' });
  });
});
