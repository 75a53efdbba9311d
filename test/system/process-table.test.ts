import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isGone, PROCESS_TABLE } from '../../src/system/process-table.ts';

test('a killed process is gone, also while its parent has not asked for its exit code', async ({
  onTestFinished,
  skip,
}) => {
  if (PROCESS_TABLE === null) skip('the system does not say which processes there are');
  // The shell becomes `sleep`, which asks for no child's exit code.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  const child = Number(said.toString());
  expect(isGone(child)).toBe(false);
  process.kill(child, 'SIGKILL');
  await expect.poll(() => isGone(child)).toBe(true);
  expect(isGone(process.pid)).toBe(false);
});
