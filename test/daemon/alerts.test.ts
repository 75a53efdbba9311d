import Database from 'better-sqlite3';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { createSite, databaseOf, heartbeatWhen, type Site } from '../helpers/daemon.ts';
import { feedWith } from '../helpers/expecting.ts';
import { writeFeedFile } from '../helpers/feed-files.ts';
import { createBilling, findLeak } from '../helpers/billing.ts';
import { type HttpReceiver, receiveHttp, receiveMail } from '../helpers/receivers.ts';

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

  test('P8: with all of it switched on, no marked value gets into alerts, mails, receipts or what they keep', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const { receiver, args, told } = await openTelling(site, onTestFinished);
    const mail = await receiveMail(onTestFinished);
    const [smtp, page, receipts] = [
      join(site.folder, 'smtp'),
      join(site.folder, 'page'),
      join(site.folder, 'receipts'),
    ];
    writeFileSync(smtp, mail.url);
    const script = `require('fs').appendFileSync(${JSON.stringify(page)}, require('fs').readFileSync(0))`;
    const all = [
      ...['--alert-smtp', smtp, '--alert-from', 'landfall@here', '--alert-to', 'oncall@here', '--receipts', receipts],
      ...['--alert-command', JSON.stringify([process.execPath, '-e', script])],
    ];
    const procedures = Array.from({ length: 20 }, () => billing.procedure());
    const visit = billing.visit(billing.procedure());
    const broken = [2, 3, 4].map(() => billing.procedure({ StandardCharge: 'ZQX', Description: 'ZQX\u0007' }));
    writeFeedFile(site.landing, 'Procedure', '20260801_060000', [...procedures, ...broken, 'ZQX|1907-01-01|short']);
    writeFeedFile(site.landing, 'Visit', '20260801_060000', [visit, 'ZQX|"ZQX']);
    writeFeedFile(site.landing, 'Transaction', '20260801_060000', [Object.values(visit).join('|')], {
      columns: ['ZQX Smith'],
    });
    expect(await site.start('once', { args: [...args, ...all] }).ended).toBe(3);

    const kinds = new Set(told().map((one) => one.split(/[ :]/)[1]));
    expect([...kinds].toSorted()).toEqual(['overdue', 'quarantined', 'rejected']);
    expect(mail.mails).toHaveLength(told().length);
    const written = readFileSync(page, 'utf8');
    expect(written.trimEnd().split('\n')).toHaveLength(told().length);
    const notes = readdirSync(receipts).map((name) => readFileSync(join(receipts, name), 'utf8'));
    expect(notes.length).toBeGreaterThanOrEqual(4);
    const kept = readFileSync(`${databaseOf(site.folder)}.alerts`, 'utf8');
    const everything = [...receiver.bodies, ...mail.mails, written, ...notes, kept].join('\n');
    expect(findLeak(everything)).toBeNull();
    expect(everything).not.toContain(receiver.url);
  });
});
