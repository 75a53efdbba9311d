import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { readDataConditions } from '../../src/findings/data-conditions.ts';
import type { Ask } from '../../src/findings/questions.ts';
import { createEvents } from '../../src/model/events.ts';
import { STARTING } from '../../src/model/work.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import type { Condition } from '../../src/status/condition.ts';
import { createFaultBook } from '../../src/status/faults.ts';
import { startAlerting } from '../../src/supervisor/alerting.ts';
import { captureIo } from '../helpers/command-io.ts';
import { type Desk, openDesk, ROOT } from '../helpers/ingest.ts';
import { receiveHttp } from '../helpers/receivers.ts';

/** The alerting of a daemon, as it runs in its supervisor: it asks the ledger here, not by a process of its own. */
function startTelling(desk: Desk, webhook: string): void {
  const file = join(desk.folder, 'webhook');
  writeFileSync(file, webhook);
  const flags = { db: desk.database.file, landing: desk.landing, alert_webhook: file };
  const settings = readSettings({ flags, env: {}, cwd: desk.folder, root: ROOT });
  const events = createEvents();
  const io = { now: () => new Date() };
  const { db, alertRejected } = settings;
  const ask = (() => readDataConditions({ db, feed: desk.feed, alertRejected }, 'here', io.now())) as Ask;
  const always = () => true;
  const releases = new DisposableStack();
  onTestFinished(() => {
    releases.dispose();
  });
  startAlerting(
    {
      ...{ settings, io, events, faults: createFaultBook(events, io.now), work: () => STARTING },
      ...{ ask, mayTell: always, mayWrite: always, isSettled: always },
    },
    releases,
  );
}

test('a daemon at work tells who listens that an export has failed, once, and that it is over after one that succeeds', async () => {
  const desk = openDesk();
  const { url, bodies } = await receiveHttp();
  vi.useFakeTimers({ toFake: ['setInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  startTelling(desk, url);
  const to = join(desk.folder, 'lake');
  mkdirSync(to);
  const manifest = join(to, '_manifest.json');
  const run = () =>
    runCommandLine(['export', '--db', desk.database.file, '--landing', desk.landing, '--to', to], {
      open: () => captureIo(),
    });
  const told = () => bodies.map((body) => JSON.parse(body) as { event: string; id: string; text: string });
  /** A minute, in which it looks four times. */
  const pass = async (messages: number) => {
    await vi.waitFor(
      () => {
        vi.advanceTimersByTime(60_000);
        expect(told().length).toBe(messages);
      },
      { timeout: 30_000, interval: 20 },
    );
  };
  writeFileSync(manifest, 'of somebody else');
  await expect(run()).rejects.toThrow("none of Landfall's");
  await pass(1);
  await expect(run()).rejects.toThrow("none of Landfall's");
  await pass(1);
  rmSync(manifest);
  expect(await run()).toBe(0);
  await pass(2);
  expect(told().map(({ event, id }) => `${event} ${id}`)).toEqual([`opened export:${to}`, `closed export:${to}`]);
  expect(told()[0]?.text).toContain(`the export failed: ${to}`);
});

test('an export that fails is a condition, which status and alerts tell, until one to the same place succeeds', async () => {
  const desk = openDesk();
  const run = async (args: readonly string[], now: string) => {
    const io = captureIo({ now: new Date(now) });
    await runCommandLine([...args, '--db', desk.database.file, '--landing', desk.landing], { open: () => io });
    return io.written.out;
  };
  const conditions = async (): Promise<readonly Condition[]> => {
    const status = JSON.parse(await run(['status', '--json'], '2026-08-12T03:00:00Z')) as { conditions: Condition[] };
    return status.conditions.filter(({ kind }) => kind === 'export');
  };
  const to = join(desk.folder, 'lake');
  mkdirSync(to);
  writeFileSync(join(to, '_manifest.json'), 'of somebody else');
  for (const day of ['10', '11'])
    await expect(run(['export', '--to', to], `2026-08-${day}T03:00:00Z`)).rejects.toThrow("none of Landfall's");
  expect(await conditions()).toEqual([
    {
      ...{ id: `export:${to}`, kind: 'export', severity: 'error', dataset: null, file: null, period: null },
      text: expect.stringContaining(`the export failed: ${to}`) as string,
      hint: 'run it again: it goes on from what is there',
      since: '2026-08-10T03:00:00.000Z',
    },
  ]);
  // Another place is another matter.
  await run(['export', '--to', join(desk.folder, 'other')], '2026-08-12T03:00:00Z');
  expect(await conditions()).toHaveLength(1);
  expect(existsSync(`${desk.database.file}.exports`)).toBe(true);
  rmSync(join(to, '_manifest.json'));
  await run(['export', '--to', to], '2026-08-12T03:00:00Z');
  expect(await conditions()).toEqual([]);
  expect(existsSync(`${desk.database.file}.exports`)).toBe(false);
});
