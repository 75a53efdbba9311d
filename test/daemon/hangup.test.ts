import { closeSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { heartbeatWhen, createSite, query, type RunningOptions, type Site } from '../helpers/daemon.ts';
import { feedFileName } from '../helpers/feed-files.ts';

// A terminal that closes, or an ssh connection that is lost, sends SIGHUP.

const QUICK = ['--settle', '50ms'];

/** Drops a file that takes a worker some seconds. */
function dropLarge({ folder, landing }: Site): void {
  const lines = ['ProcedureID|ProcedureCode|CodeSystem|Description|StandardCharge|EffectiveDate'];
  for (let row = 0; row < 150_000; row++) lines.push(`P${row}|99213|CPT|Office visit ${row}|148.00|2025-01-01`);
  const draft = join(folder, 'draft');
  writeFileSync(draft, `${lines.join('\n')}\n`);
  renameSync(draft, join(landing, feedFileName('Procedure', '20260801_060000')));
}

async function midFile(folder: string): Promise<void> {
  await vi.waitFor(
    () => {
      expect(query(folder, 'SELECT count(*) FROM attempts WHERE process IS NOT NULL')).toEqual([[1]]);
    },
    { timeout: 60_000, interval: 10 },
  );
}

describe('SIGHUP', { concurrent: true, timeout: 180_000 }, () => {
  test('is an orderly stop of once, also when it comes twice: the attempt is nobody’s fault', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    dropLarge(site);
    const once = site.start('once', { args: QUICK });
    await midFile(site.folder);
    once.child.kill('SIGHUP');
    once.child.kill('SIGHUP');
    expect(await once.ended).toBe(1);
    expect(once.output()).toContain('stopped before everything was in');
    expect(query(site.folder, 'SELECT failures, process FROM attempts')).toEqual([[0, null]]);
  });

  test('is an orderly stop of run; the worker leaves it to the supervisor', async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const daemon = site.start('run', { args: QUICK });
    const { workerPid } = await heartbeatWhen(site.folder, ({ work }) => work.doing === 'idle');
    process.kill(workerPid ?? 0, 'SIGHUP');
    daemon.child.kill('SIGHUP');
    expect(await daemon.ended).toBe(0);
    expect(daemon.log().map(({ msg }) => msg)).toEqual(['landfall starts', 'stopping', 'stopped']);
  });

  test.for<[string, () => RunningOptions]>([
    ['as the shell tells', () => ({ env: { _: '/usr/bin/nohup' } })],
    ['as its standard input tells', () => ({ stdin: openSync('/dev/null', 'w') })],
  ])('is ignored under nohup, %s', async ([, options], { onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { stdin, ...rest } = options();
    const daemon = site.start('run', { args: QUICK, ...rest, ...(stdin === undefined ? {} : { stdin }) });
    if (stdin !== undefined) closeSync(stdin);
    await heartbeatWhen(site.folder, ({ work }) => work.doing === 'idle');
    daemon.child.kill('SIGHUP');
    // Were it heeded, it would be the first of two signals.
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(daemon.log().map(({ msg }) => msg)).toEqual(['landfall starts', 'stopping', 'stopped']);
  });
});

test('P8: SIGUSR1 opens no debugger, through which whoever may use a port of the machine could read rows', async ({
  onTestFinished,
}) => {
  const site = createSite(onTestFinished);
  const daemon = site.start('run', { args: QUICK });
  const { workerPid } = await heartbeatWhen(site.folder, ({ work }) => work.doing === 'idle');
  daemon.child.kill('SIGUSR1');
  process.kill(workerPid ?? 0, 'SIGUSR1');
  // Node opens it in a thread of its own.
  await new Promise((resolve) => setTimeout(resolve, 500));
  daemon.child.kill('SIGTERM');
  expect(await daemon.ended).toBe(0);
  expect(daemon.errors()).toBe('');
});
