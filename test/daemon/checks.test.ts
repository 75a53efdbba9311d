import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { childrenOf } from '../../bench/process.ts';
import { billsFeed, billsFile } from '../helpers/bills-feed.ts';
import { ROOT } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';

test('P7: a check without end does not outlive the processes that asked for it, however they die', async () => {
  const feed = billsFeed('[{ name: endless, time_limit: 30min }]', { endless: ENDLESS });
  const folder = tempFolder();
  mkdirSync(join(folder, 'landing/bill'), { recursive: true });
  writeFileSync(join(folder, 'landing/bill/bills_20260801.csv'), billsFile('B1,one,1.00'));
  const flags = ['--feed', feed.folder, '--landing', join(folder, 'landing'), '--db', join(folder, 'db.sqlite')];
  const args = [join(ROOT, 'bin/landfall.cjs'), 'once', ...flags, '--settle', '0'];
  const supervisor = spawn(process.execPath, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => supervisor.once('exit', resolve));
  const { pid = 0 } = supervisor;
  const checker = await until(() => childrenOf(pid).flatMap((worker) => childrenOf(worker))[0]);
  // In the middle of its query.
  await sleep(1_500);
  for (const one of [...childrenOf(pid), pid]) process.kill(one, 'SIGKILL');
  await ended;
  expect(await until(() => (isAlive(checker) ? undefined : 'gone'))).toBe('gone');
});

async function until<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    await sleep(50);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
