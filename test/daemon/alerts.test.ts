import Database from 'better-sqlite3';
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readAlerts } from '../../src/alerts/alert-file.ts';
import { createSite, databaseOf, heartbeatWhen, type Running, type Site } from '../helpers/daemon.ts';
import { fillDisk, growDisk, mountDisk } from '../helpers/disk.ts';
import { feedWith } from '../helpers/expecting.ts';
import { writeFeedFile } from '../helpers/feed-files.ts';
import { createBilling } from '../helpers/billing.ts';
import { urlOf } from '../helpers/postgres-store.ts';
import { describePostgres, freshDatabase, type TestDatabase } from '../helpers/postgres.ts';
import { type HttpReceiver, receiveHttp } from '../helpers/receivers.ts';

// A real daemon that tells a real receiver.

const billing = createBilling(5);

/** A file of today is due at midnight. */
const DUE = "expect: { every: day, by: '00:00' }";

async function openTelling(
  site: Site,
  onTestFinished: (cleanUp: () => void) => void,
): Promise<{ receiver: HttpReceiver; args: string[]; told: () => string[] }> {
  const receiver = await receiveHttp(onTestFinished);
  const webhook = join(site.folder, 'webhook');
  writeFileSync(webhook, receiver.url);
  const args = [
    '--settle',
    '50ms',
    '--feed',
    feedWith({ Procedure: [DUE] }, site.folder).path,
    '--alert-webhook',
    webhook,
  ];
  const told = (): string[] =>
    receiver.bodies.map((body) => {
      const { event, id } = JSON.parse(body) as { event: string; id: string };
      return `${event} ${id}`;
    });
  return { receiver, args, told };
}

async function until(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 120_000, interval: 50 });
}

describe('alerts', { concurrent: true, timeout: 240_000 }, () => {
  test('the daemon tells what is overdue, a locked database, and when each is over', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { args, told } = await openTelling(site, onTestFinished);
    site.start('run', { args });
    const today = new Date().toISOString().slice(0, 10);
    await until(() => {
      expect(told()).toEqual([`opened overdue:Procedure:${today}`]);
    });
    const other = new Database(databaseOf(site.folder));
    onTestFinished(() => {
      other.close();
    });
    other.exec('BEGIN IMMEDIATE');
    writeFeedFile(site.landing, 'Procedure', `${today.replaceAll('-', '')}_000000`, [billing.procedure()]);
    await until(() => {
      expect(told().at(-1)).toBe('opened fault:database');
    });
    other.exec('COMMIT');
    await until(() => {
      expect(told().slice(2).toSorted()).toEqual([`closed fault:database`, `closed overdue:Procedure:${today}`]);
    });
  });

  test('a daemon that ends because its database is gone has told it before', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { args, told } = await openTelling(site, onTestFinished);
    const daemon = site.start('run', { args });
    await heartbeatWhen(site.folder, ({ work }) => work.doing === 'idle');
    rmSync(databaseOf(site.folder));
    writeFeedFile(site.landing, 'Procedure', '20260801_060000', [billing.procedure()]);
    expect(await daemon.ended).toBe(4);
    expect(told()).toContain('opened daemon');
  });

  test('once tells before it ends', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { args, told } = await openTelling(site, onTestFinished);
    writeFeedFile(site.landing, 'Procedure', '20260801_060000', ['ZQX'], { columns: ['x'] });
    expect(await site.start('once', { args }).ended).toBe(3);
    const name = 'HospitalABC_VisitPay_Procedure_[20260801_060000].txt';
    expect(told()).toContain(`opened quarantined:${name}:1`);
    const before = told().length;
    expect(await site.start('once', { args }).ended).toBe(0);
    expect(told()).toHaveLength(before);
  });

  test('P2: over kill -9 before a message is taken, before that is noted, and after, each arrives at least once with its id', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { receiver, args, told } = await openTelling(site, onTestFinished);
    const today = new Date().toISOString().slice(0, 10);
    const id = `overdue:Procedure:${today}`;
    const place = databaseOf(site.folder);
    const run = (): Running => site.start('run', { args });
    const kill = async (daemon: Running): Promise<void> => {
      daemon.child.kill('SIGKILL');
      expect(await daemon.ended).toBe('SIGKILL');
    };
    /** The daemon is killed when a message has come in, before it is answered. */
    const killedWhileTelling = async (): Promise<void> => {
      const daemon = run();
      receiver.answer = () => {
        daemon.child.kill('SIGKILL');
      };
      expect(await daemon.ended).toBe('SIGKILL');
      receiver.answer = (response) => response.end('ok');
    };
    const noted = (): string | undefined => readAlerts(place).get(id)?.told['webhook']?.event;

    // Nobody listens: it is open, and not told.
    writeFileSync(join(site.folder, 'webhook'), 'http://127.0.0.1:9/');
    let daemon = run();
    await until(() => {
      expect([readAlerts(place).has(id), noted()]).toEqual([true, undefined]);
    });
    await kill(daemon);
    writeFileSync(join(site.folder, 'webhook'), receiver.url);
    await killedWhileTelling();
    expect([told(), noted()]).toEqual([[`opened ${id}`], undefined]);
    daemon = run();
    await until(() => {
      expect(noted()).toBe('opened');
    });
    await kill(daemon);
    expect(told()).toEqual([`opened ${id}`, `opened ${id}`]);
    // It comes while nobody runs: its end is told, too.
    writeFeedFile(site.landing, 'Procedure', `${today.replaceAll('-', '')}_000000`, [billing.procedure()]);
    await killedWhileTelling();
    expect(told().slice(2)).toEqual([`closed ${id}`]);
    daemon = run();
    await until(() => {
      expect(readAlerts(place).size).toBe(0);
    });
    await kill(daemon);
    expect(told().slice(2)).toEqual([`closed ${id}`, `closed ${id}`]);
    // What was told is told no more.
    expect(await site.start('once', { args }).ended).toBe(0);
    expect(told()).toHaveLength(4);
  });

  test('the daemon tells a full disk under its database, though nothing can be noted there, and its end', async (context) => {
    const { onTestFinished, skip } = context;
    const site = createSite((cleanUp) => {
      onTestFinished(cleanUp);
    });
    const disk = join(site.folder, 'db');
    if (!mountDisk(disk, 'size=1m', onTestFinished)) skip('a file system cannot be mounted here');
    const { args, told } = await openTelling(site, onTestFinished);
    site.start('run', { args });
    await heartbeatWhen(site.folder, ({ work }) => work.doing === 'idle');
    fillDisk(disk);
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    writeFeedFile(
      site.landing,
      'Procedure',
      `${today}_000000`,
      Array.from({ length: 8_000 }, () => billing.procedure()),
    );
    await until(() => {
      expect(told()).toContain('opened fault:database');
    });
    growDisk(disk, 'size=64m');
    await until(() => {
      expect(told()).toContain('closed fault:database');
    });
  });

  test('a daemon that ends because its database is damaged has told it before', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { args, told } = await openTelling(site, onTestFinished);
    writeFeedFile(site.landing, 'Procedure', '20260801_060000', [billing.procedure()]);
    expect(await site.start('once', { args }).ended).toBe(0);
    const before = told().length;
    const handle = openSync(databaseOf(site.folder), 'r+');
    // The first page, which names the tables, behind its header.
    writeSync(handle, Buffer.alloc(3_000, 0xff), 0, 3_000, 100);
    closeSync(handle);
    expect(await site.start('run', { args }).ended).toBe(4);
    expect(told().slice(before)).toContain('opened daemon');
  });
});

describePostgres('alerts of several daemons on one database', { timeout: 240_000 }, () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  test('about data are told by one of them; another takes over from one that was killed, and tells them on', async ({
    onTestFinished,
  }) => {
    const url = urlOf(database.place);
    const start = async () => {
      const site = createSite(onTestFinished);
      const telling = await openTelling(site, onTestFinished);
      const args = [...telling.args, '--db', url, '--state-dir', join(site.folder, 'state')];
      return { site, ...telling, daemon: site.start('run', { args }) };
    };
    const today = new Date().toISOString().slice(0, 10);
    const overdue = `overdue:Procedure:${today}`;
    const refused = (site: Site, time: string): string =>
      writeFeedFile(site.landing, 'Visit', `${today.replaceAll('-', '')}_${time}`, ['ZQX'], { columns: ['x'] }).name;
    const first = await start();
    await until(() => {
      expect(first.told()).toEqual([`opened ${overdue}`]);
    });
    const second = await start();
    const bad = refused(second.site, '000001');
    const client = new pg.Client(database.place);
    await client.connect();
    onTestFinished(() => client.end());
    const isQuarantined = async (name: string): Promise<void> => {
      await vi.waitFor(
        async () => {
          const { rowCount } = await client.query(`SELECT 1 FROM files WHERE name = $1`, [name]);
          expect(rowCount).toBe(1);
        },
        { timeout: 60_000, interval: 50 },
      );
    };
    await isQuarantined(bad);
    // The second one has asked by now, and the first one soon does: it is the one who tells, of what the other took, too.
    await until(() => {
      expect(first.told()).toEqual([`opened ${overdue}`, `opened quarantined:${bad}:1`]);
    });
    expect(second.told()).toEqual([]);

    first.daemon.child.kill('SIGKILL');
    await first.daemon.ended;
    await client.query(`UPDATE alert_lease SET held_until = clock_timestamp()`);
    const other = refused(second.site, '000002');
    await until(() => {
      expect(second.told().toSorted()).toEqual(
        [overdue, `quarantined:${bad}:1`, `quarantined:${other}:1`].map((id) => `opened ${id}`),
      );
    });
    expect(first.told()).toHaveLength(2);
  });
});
