import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DEAF = fileURLToPath(new URL('./deaf-process.ts', import.meta.url));

/** The system closes the parent's end of the pipe when the parent ends, however it ends. */
test('P2: a process ends soon after its parent, though its main thread hears nothing', async ({ onTestFinished }) => {
  const child = spawn(process.execPath, [DEAF], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');

  child.stdin.destroy();
  // Half a second where nothing else runs.
  const [, signal] = (await once(child, 'exit', { signal: AbortSignal.timeout(8_000) })) as [null, NodeJS.Signals];

  expect(signal).toBe('SIGKILL');
}, 10_000);
