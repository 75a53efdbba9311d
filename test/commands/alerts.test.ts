import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAlerts, writeAlerts } from '../../src/alerts/alert-file.ts';
import { reconcile } from '../../src/alerts/alert-book.ts';
import { alerts, type AlertsOptions } from '../../src/commands/alerts.ts';
import { readDataConditions } from '../../src/findings/data-conditions.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileName } from '../helpers/feed-files.ts';
import { openDesk, ROOT, type Desk } from '../helpers/ingest.ts';
import { receiveHttp } from '../helpers/receivers.ts';

const NAME = feedFileName('Visit', '20260801_060000');
const ID = `quarantined:${NAME}:1`;

/** Runs the command on a desk; gives its exit code and what it wrote. */
async function run(
  desk: Desk,
  options: Partial<AlertsOptions> = {},
  more: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; err: string }> {
  const io = captureIo({ now: new Date('2026-08-10T12:00:00Z') });
  const flags = { db: desk.database.file, landing: desk.landing, ...more };
  const settings = readSettings({ flags, env: {}, cwd: ROOT, root: ROOT });
  const code = await alerts({ settings, json: false, verb: 'list', ids: [], ...options }, io);
  return { code, ...io.written };
}

/** A desk with a refused file, of which a webhook was told. */
async function openTold(): Promise<Desk> {
  const desk = openDesk();
  await desk.deliver('Visit', '20260801_060000', ['x|y'], { columns: ['x', 'y'] });
  const { database, feed } = desk;
  const at = '2026-08-10T11:00:00.000Z';
  const known = await readDataConditions({ db: database.file, feed, alertRejected: 0.05 }, 'here', new Date(at));
  const told = { webhook: { event: 'opened', at } } as const;
  const book = [...reconcile(new Map(), known, at)].map(([id, alert]) => [id, { ...alert, told }] as const);
  writeAlerts(database.file, new Map(book));
  return desk;
}

describe('landfall alerts', () => {
  test('shows what needs someone, who was told and what is acknowledged, also as JSON', async () => {
    const desk = await openTold();
    const { code, out } = await run(desk);
    expect([code, out.includes(ID), out.includes('webhook')]).toEqual([0, true, true]);
    expect((await run(desk, { verb: 'ack', ids: [ID] })).out).toBe(
      `acknowledged ${ID}: it is told again only when it is over\n`,
    );
    expect((await run(desk)).out).toMatch(/quarantined:.*acknowledged/);
    const shown = JSON.parse((await run(desk, { json: true })).out) as { id: string }[];
    expect(shown.find(({ id }) => id === ID)).toMatchObject({
      ...{ kind: 'quarantined', severity: 'error', acknowledged_at: '2026-08-10T12:00:00.000Z' },
      told: { webhook: { event: 'opened' } },
    });
    // Only the daemon writes what was told.
    expect(readAlerts(desk.database.file).get(ID)?.told).toHaveProperty('webhook');
  });

  test('acknowledges those that there are, and says which are none', async () => {
    const desk = await openTold();
    const { code, out, err } = await run(desk, { verb: 'ack', ids: ['overdue:Nothing:1', ID] });
    expect([code, out.startsWith(`acknowledged ${ID}`)]).toEqual([1, true]);
    expect(err).toContain('there is no alert overdue:Nothing:1');
    await expect(run(desk, { verb: 'ack' })).rejects.toThrow('it needs the id of an alert');
  });

  test('test tries every receiver, the ping address, too, and says which takes nothing', async () => {
    const desk = await openTold();
    const [hook, ping] = [await receiveHttp(), await receiveHttp()];
    const file = join(desk.folder, 'webhook');
    writeFileSync(file, hook.url);
    const told = { alert_webhook: file, alert_command: '/bin/false', ping_url: ping.url };
    const { code, out, err } = await run(desk, { verb: 'test' }, told);
    expect([code, out, err]).toEqual([
      1,
      'webhook: a test was taken\nping: it was answered\n',
      'landfall: command: the command ended with 1\n',
    ]);
    expect(JSON.parse(hook.bodies[0] ?? '')).toMatchObject({ id: 'test', event: 'test' });
    ping.answer = (response) => response.writeHead(500).end('SECRET');
    const again = await run(desk, { verb: 'test' }, { ping_url: ping.url });
    expect([again.code, again.err]).toEqual([1, 'landfall: ping: the server answered 500\n']);
    await expect(run(desk, { verb: 'test' })).rejects.toThrow('no alert is set up');
  });
});
