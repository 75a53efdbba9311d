import Database from 'better-sqlite3';
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { STARTING } from '../../src/model/work.ts';
import { readHeartbeat, writeHeartbeat } from '../../src/status/heartbeat.ts';
import { heartbeatWhen, createSite, databaseOf, query } from '../helpers/daemon.ts';

describe('how a daemon starts', { concurrent: true, timeout: 180_000 }, () => {
  test('P7: a locked database is waited for also where a killed worker is to be forgiven first', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const first = site.start('run', { args: ['--settle', '0'] });
    await heartbeatWhen(site.folder, ({ work }) => work.doing === 'idle');
    first.child.kill('SIGTERM');
    await first.ended;
    const file = databaseOf(site.folder);
    const left = readHeartbeat(file);
    if (left === null) throw new Error('the daemon has left its heartbeat');
    writeHeartbeat(file, { ...left, cutShort: true });
    const other = new Database(file);
    onTestFinished(() => {
      other.close();
    });
    other.exec(
      `INSERT INTO attempts (name, content, failures, process, started_at) VALUES ('n', 'c', 0, 'another process', ''); BEGIN IMMEDIATE`,
    );

    const daemon = site.start('run', { args: ['--settle', '0'] });
    await heartbeatWhen(site.folder, ({ work }) => work.faults.some((fault) => fault.kind === 'database'));
    other.exec('COMMIT');
    await heartbeatWhen(site.folder, ({ pid, work }) => pid === daemon.pid && work.doing === 'idle');
    expect(query(site.folder, 'SELECT failures, deaths, process FROM attempts')).toEqual([[0, 0, null]]);
  });

  test('SIGTERM before the worker has begun is over at once, and kills nobody', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const daemon = site.start('run');
    await vi.waitFor(
      () => {
        expect(daemon.output()).toContain('landfall starts');
      },
      { timeout: 60_000, interval: 5 },
    );
    const begun = performance.now();
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(performance.now() - begun).toBeLessThan(4_900);
    expect(daemon.output()).not.toContain('takes longer');
  });

  test('once after a daemon that killed its worker in order to stop: that attempt is nobody’s fault, a later one is a death', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    expect(await site.start('once').ended).toBe(0);
    const file = databaseOf(site.folder);
    const beat = '2026-08-01T06:00:00.000Z';
    const stopped = { ...STARTING, doing: 'stopped' } as const;
    const daemon = { version: '0', host: '', pid: 1, workerPid: null, startedAt: beat, landing: site.landing };
    writeHeartbeat(file, { ...daemon, beat, cutShort: true, work: stopped });
    const db = new Database(file);
    db.exec(`INSERT INTO attempts (name, content, failures, process, started_at) VALUES
      ('before', 'c', 0, 'a process', '2026-08-01T05:59:59.999Z'), ('later', 'c', 0, 'a process', '2026-08-01T06:00:00.001Z')`);
    db.close();
    expect(await site.start('once').ended).toBe(0);
    expect(query(site.folder, 'SELECT name, failures, deaths, process FROM attempts')).toEqual([
      ['before', 0, 0, null],
      ['later', 0, 1, null],
    ]);
  });

  test('one database behind two names has one lock, also where a link led to it before it was made', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const link = join(site.folder, 'link.sqlite');
    symlinkSync('db/x.sqlite', link);
    site.start('run', { args: ['--db', link] });
    await heartbeatWhen(site.folder, ({ work }) => work.doing === 'idle');
    const others = [site.start('run'), site.start('run', { args: ['--db', link] })];
    expect(await Promise.all(others.map((other) => other.ended))).toEqual([1, 1]);
    for (const other of others) expect(other.output()).toContain('has been in use since');
    expect(readdirSync(site.folder).sort()).toEqual(['db', 'landing', 'link.sqlite']);
  });
});
