import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { watchFolders } from '../../src/supervisor/watch-folders.ts';
import { tempFolder } from '../helpers/temp.ts';

/** A change makes several events, in ms. */
const A_MOMENT_MS = 50;

test('what happens in a folder of the landing folder is heard as long as that is followed', async () => {
  const landing = tempFolder();
  mkdirSync(join(landing, 'claim'));
  let count = 0;
  let seen = 0;
  const watcher = watchFolders({
    folder: landing,
    onPoke: () => {
      count += 1;
    },
    onBlind: () => undefined,
    onSight: () => undefined,
    monotonic: () => performance.now(),
  });
  onTestFinished(() => {
    watcher.close();
  });
  const poked = async (): Promise<void> => {
    await vi.waitFor(() => {
      expect(count).toBeGreaterThan(seen);
    }, 10_000);
    await sleep(A_MOMENT_MS);
    seen = count;
  };
  await poked();
  watcher.follow(['claim']);
  // It may have come before the watch.
  await poked();
  writeFileSync(join(landing, 'claim/a'), 'x');
  await poked();
  watcher.follow([]);
  await sleep(A_MOMENT_MS);
  seen = count;
  writeFileSync(join(landing, 'claim/b'), 'x');
  await sleep(2 * A_MOMENT_MS);
  expect(count).toBe(seen);
});
