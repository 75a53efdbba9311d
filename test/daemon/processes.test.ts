import { DgramSocket } from 'node-unix-socket';
import { renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { isAlive, readHeartbeat } from '../../src/status/heartbeat.ts';
import { bootTime } from '../../src/system/boot-clock.ts';
import { checkDaemon } from '../../src/status/health.ts';
import { createBilling, LEAK } from '../helpers/billing.ts';
import {
  heartbeatWhen,
  createSite,
  databaseOf,
  untilGone,
  query,
  queryUntil,
  type Running,
  type Site,
} from '../helpers/daemon.ts';
import { feedFileName, feedFileText, writeFeedFile } from '../helpers/feed-files.ts';

// Real processes, killed for real. Each takes a second or so.

const QUICK = ['--settle', '50ms'];
const STAMP = '20260801_060000';
const billing = createBilling(9);

async function idle(folder: string, pid?: number): Promise<{ worker: number }> {
  const alive = await heartbeatWhen(
    folder,
    ({ work, workerPid, pid: supervisor }) =>
      work.doing === 'idle' && workerPid !== null && (pid === undefined || pid === supervisor),
  );
  return { worker: alive.workerPid ?? 0 };
}

/** Drops a file that takes a worker some seconds. */
function dropLarge({ folder, landing }: Site, rows = 120_000): void {
  const lines = ['ProcedureID|ProcedureCode|CodeSystem|Description|StandardCharge|EffectiveDate'];
  for (let row = 0; row < rows; row++) lines.push(`P${row}|99213|CPT|Office visit ${row}|148.00|2025-01-01`);
  const draft = join(folder, 'draft');
  writeFileSync(draft, `${lines.join('\n')}\n`);
  renameSync(draft, join(landing, feedFileName('Procedure', STAMP)));
}

/** Waits until a worker is in the middle of a file: another run of it than `before`. */
async function ingesting(folder: string, before?: unknown): Promise<{ worker: number; run: unknown }> {
  return vi.waitFor(
    () => {
      const [run] = query(folder, 'SELECT process FROM attempts WHERE process IS NOT NULL').flat();
      const alive = readHeartbeat(databaseOf(folder));
      if (run === undefined || run === before || alive?.work.doing !== 'ingesting') throw new Error('not yet');
      return { worker: alive.workerPid ?? 0, run };
    },
    { timeout: 60_000, interval: 10 },
  );
}

function messages(running: Running): unknown[] {
  return running.log().map((line) => line['msg']);
}

// One after the other, since they are timed: beside others that start, a process takes seconds to hear and to end.
describe('a daemon', { timeout: 180_000 }, () => {
  test('takes what is dropped, logs JSON lines without a value of a row (P8), and ends with 0 on SIGTERM', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { folder, landing } = site;
    const daemon = site.start('run', { args: QUICK });
    await idle(folder);
    writeFeedFile(landing, 'Procedure', STAMP, [billing.procedure(), billing.procedure()]);
    await queryUntil(folder, 'SELECT rows_inserted FROM files', [[2]]);
    // It is in the database a moment before it is logged.
    await vi.waitFor(
      () => {
        if (!messages(daemon).includes('files taken')) throw new Error('not yet');
      },
      { timeout: 60_000, interval: 20 },
    );
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(messages(daemon)).toEqual(['landfall starts', 'ingested', 'files taken', 'stopping', 'stopped']);
    for (const { level, time, pid } of daemon.log()) {
      expect([level, typeof time, typeof pid]).toEqual(['info', 'string', 'number']);
    }
    expect(daemon.output() + daemon.errors()).not.toMatch(LEAK);
    const alive = readHeartbeat(databaseOf(folder));
    expect(alive).toMatchObject({ cutShort: false, workerPid: null, work: { doing: 'stopped' } });
    expect(isAlive(alive, new Date(), bootTime())).toBe(false);
  });

  test('SIGTERM in the middle of a file is answered at once, and over within 5 s; the attempt is nobody’s fault', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { folder } = site;
    const first = site.start('run', { args: QUICK });
    await idle(folder);
    dropLarge(site, 150_000);
    const { worker } = await ingesting(folder);
    // A worker that cannot answer, as in a long statement.
    process.kill(worker, 'SIGSTOP');
    const begun = performance.now();
    first.child.kill('SIGTERM');
    await heartbeatWhen(folder, ({ work }) => work.doing === 'stopping', 2_000);
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(await first.ended).toBe(0);
    expect(performance.now() - begun).toBeLessThan(8_000);
    await untilGone(worker);
    expect(readHeartbeat(databaseOf(folder))).toMatchObject({ cutShort: true, work: { doing: 'stopped' } });
    const second = site.start('run', { args: QUICK });
    await idle(folder, second.pid).catch(() => undefined);
    await vi.waitFor(
      () => {
        expect(query(folder, 'SELECT count(*) FROM attempts WHERE failures > 0')).toEqual([[0]]);
      },
      { timeout: 30_000, interval: 20 },
    );
  });

  test('a second signal leaves at once, the worker with it', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { folder } = site;
    const daemon = site.start('run', { args: QUICK });
    await idle(folder);
    dropLarge(site);
    const { worker } = await ingesting(folder);
    process.kill(worker, 'SIGSTOP');
    daemon.child.kill('SIGINT');
    await heartbeatWhen(folder, ({ work }) => work.doing === 'stopping');
    const begun = performance.now();
    daemon.child.kill('SIGINT');
    expect(await daemon.ended).toBe(130);
    expect(performance.now() - begun).toBeLessThan(2_000);
    await untilGone(worker);
  });
});

describe('the daemon', { concurrent: true, timeout: 180_000 }, () => {
  test('a second one says who holds the database and ends with 1; the first goes on, and its heartbeat too', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { folder } = site;
    const first = site.start('run', { args: QUICK });
    const { worker } = await idle(folder);
    const second = site.start('run', { args: QUICK });
    const once = site.start('once');
    const heard = new Set<unknown>();
    const listening = setInterval(() => heard.add(readHeartbeat(databaseOf(folder))?.pid), 10);
    expect(await Promise.all([second.ended, once.ended])).toEqual([1, 1]);
    clearInterval(listening);
    expect([...heard]).toEqual([first.pid]);
    expect(second.output()).toContain(`\\"run\\", process ${first.pid} on `);
    expect(once.errors()).toContain(`"run", process ${first.pid} on `);
    expect(readHeartbeat(databaseOf(folder))).toMatchObject({
      pid: first.pid,
      workerPid: worker,
      work: { doing: 'idle' },
    });
  });

  test('P2: kill -9 of the worker in the middle of a file loses nothing; it is started again', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { folder } = site;
    const daemon = site.start('run', { args: QUICK });
    await idle(folder);
    dropLarge(site);
    const { worker } = await ingesting(folder);
    process.kill(worker, 'SIGKILL');
    await queryUntil(
      folder,
      `SELECT count(*), min(revision), min(rows_inserted) FROM files`,
      [[1, 1, 120_000]],
      30_000,
    );
    expect(query(folder, 'SELECT count(*) FROM procedures')).toEqual([[120_000]]);
    expect(messages(daemon)).toContain('the worker process ended (SIGKILL); it is started again');
  });

  test('P2: kill -9 of the supervisor ends the worker too, and the next daemon goes on', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { folder } = site;
    const first = site.start('run', { args: QUICK });
    await idle(folder);
    dropLarge(site);
    const { worker } = await ingesting(folder);
    process.kill(first.pid, 'SIGKILL');
    await untilGone(worker);
    // Its last beat is of late: the system's list of processes tells.
    const { problem } = checkDaemon({ db: databaseOf(folder), landing: '', stateDir: '' }, new Date());
    expect(problem?.text).toBe('the daemon has died: there is no such process');
    site.start('run', { args: QUICK });
    await queryUntil(
      folder,
      `SELECT count(*), min(revision), min(rows_inserted) FROM files`,
      [[1, 1, 120_000]],
      30_000,
    );
  });

  test('a file on which the worker crashes three times is quarantined; the rest of the feed goes in', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { folder, landing } = site;
    site.start('run', { args: QUICK });
    await idle(folder);
    dropLarge(site, 150_000);
    writeFeedFile(landing, 'Procedure', '20260802_060000', [billing.procedure()]);
    let last: unknown;
    for (let death = 1; death <= 3; death++) {
      const { worker, run } = await ingesting(folder, last);
      process.kill(worker, 'SIGABRT');
      last = run;
    }
    await queryUntil(
      folder,
      'SELECT state, reason_code FROM files ORDER BY stamp',
      [
        ['quarantined', 'internal_error'],
        ['ingested', null],
      ],
      30_000,
    );
  });

  test('waits for a landing folder that is not there, says so once, and takes what comes with it', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { folder, landing } = site;
    renameSync(landing, `${landing}.away`);
    writeFeedFile(`${landing}.away`, 'Procedure', STAMP, [billing.procedure()]);
    const daemon = site.start('run', { args: QUICK });
    await heartbeatWhen(folder, ({ work }) => work.faults.some((fault) => fault.kind === 'landing'));
    renameSync(`${landing}.away`, landing);
    await queryUntil(folder, 'SELECT state FROM files', [['ingested']]);
    await heartbeatWhen(folder, ({ work }) => work.faults.length === 0);
    // Its end is in the heartbeat a moment before it is logged.
    await vi.waitFor(
      () => {
        expect(messages(daemon).filter((message) => String(message).includes('does not exist'))).toHaveLength(2);
      },
      { timeout: 30_000, interval: 20 },
    );
  });

  test('tells the service manager READY, STATUS, WATCHDOG and STOPPING', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { folder } = site;
    const received: string[] = [];
    const socket = new DgramSocket();
    const address = join(folder, 'notify');
    socket.bind(address);
    socket.on('data', (message: Buffer) => received.push(message.toString()));
    onTestFinished(() => {
      socket.close();
    });
    const daemon = site.start('run', { args: QUICK, env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: '300000' } });
    await idle(folder);
    await vi.waitFor(
      () => {
        expect(received.filter((message) => message === 'WATCHDOG=1').length).toBeGreaterThan(2);
        expect(received.some((message) => message.startsWith('STATUS=idle; 0 files and 0 rows'))).toBe(true);
      },
      { timeout: 5_000 },
    );
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(received).toContain('READY=1');
    expect(received).toContain('STOPPING=1\nSTATUS=stopping');
  });
});

describe('once', { concurrent: true, timeout: 180_000 }, () => {
  test.for([
    ['everything in', [billing.procedure()], 0],
    ['a row rejected', [billing.procedure(), { ...billing.procedure(), EffectiveDate: 'ZQX' }], 3],
    ['a file quarantined', ['ZQX|ZQX'], 3],
  ] as const)('%s: ends with its code', async ([, rows, code], { onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { landing } = site;
    writeFeedFile(landing, 'Procedure', STAMP, [...rows]);
    const once = site.start('once', { args: QUICK });
    expect(await once.ended).toBe(code);
    expect(once.output() + once.errors()).not.toMatch(LEAK);
  });

  test('rows that wait for a parent are no refusal', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { landing } = site;
    writeFeedFile(landing, 'Visit', STAMP, [billing.visit(billing.procedure())]);
    expect(await site.start('once', { args: QUICK }).ended).toBe(0);
  });

  test('could not run: ends with 1 and says why', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { folder } = site;
    const once = site.start('once', { args: ['--feed', join(folder, 'none.yaml')] });
    expect(await once.ended).toBe(1);
    expect(once.errors()).toContain('none.yaml');
    rmdirSync(site.landing);
    const astray = site.start('once');
    expect(await astray.ended).toBe(1);
    expect(astray.errors()).toContain('--landing');
  });

  test('waits for a file that is still being written', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { folder, landing } = site;
    const { path } = writeFeedFile(landing, 'Procedure', STAMP, [billing.procedure()]);
    const once = site.start('once', { args: ['--settle', '3s'] });
    await vi.waitFor(
      () => {
        expect(query(folder, 'SELECT count(*) FROM files')).toEqual([[0]]);
      },
      { timeout: 30_000 },
    );
    writeFileSync(path, feedFileText('Procedure', [billing.procedure(), billing.procedure()]));
    expect(await once.ended).toBe(0);
    expect(query(folder, 'SELECT revision, rows_read FROM files')).toEqual([[1, 2]]);
  });

  test('gives the file in hand up on SIGTERM and ends with 1; the next run takes it', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { folder } = site;
    dropLarge(site, 150_000);
    const once = site.start('once', { args: QUICK });
    await vi.waitFor(
      () => {
        expect(query(folder, 'SELECT count(*) FROM attempts')).toEqual([[1]]);
      },
      { timeout: 60_000, interval: 10 },
    );
    once.child.kill('SIGTERM');
    expect(await once.ended).toBe(1);
    expect(query(folder, 'SELECT count(*) FROM files')).toEqual([[0]]);
    expect(await site.start('once', { args: QUICK }).ended).toBe(0);
    expect(query(folder, 'SELECT revision, rows_inserted FROM files')).toEqual([[1, 150_000]]);
  });
});
