import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { watchLanding, type Watcher } from '../../src/landing/watch.ts';
import { tempFolder } from '../helpers/temp.ts';

/** A watcher on a folder that has begun to watch, and how often it has poked since. */
async function watched(folder: string): Promise<{ watcher: Watcher; pokes: () => number; reset: () => void }> {
  let count = 0;
  const watcher = watchLanding({
    folder,
    onPoke: () => {
      count += 1;
    },
    onError: () => undefined,
  });
  onTestFinished(() => watcher.close());
  const reset = (): void => {
    count = 0;
  };
  await vi.waitFor(() => {
    expect(count).toBeGreaterThan(0);
  });
  reset();
  return { watcher, pokes: () => count, reset };
}

const WAIT = { timeout: 3_000, interval: 5 };

test('pokes when a file is made, written to or moved in', async () => {
  const folder = tempFolder();
  const { pokes, reset } = await watched(folder);
  writeFileSync(join(folder, 'a'), 'x');
  await vi.waitFor(() => {
    expect(pokes()).toBeGreaterThan(0);
  }, WAIT);
  reset();
  writeFileSync(join(folder, 'a'), 'y');
  await vi.waitFor(() => {
    expect(pokes()).toBeGreaterThan(0);
  }, WAIT);
  const outside = join(tempFolder(), 'b');
  writeFileSync(outside, 'x');
  reset();
  renameSync(outside, join(folder, 'b'));
  await vi.waitFor(() => {
    expect(pokes()).toBeGreaterThan(0);
  }, WAIT);
});

test('watches anew when the folder has vanished and come back, and pokes then', async () => {
  const folder = join(tempFolder(), 'landing');
  mkdirSync(folder);
  const { watcher, pokes, reset } = await watched(folder);
  rmSync(folder, { recursive: true });
  watcher.check();
  mkdirSync(folder);
  writeFileSync(join(folder, 'came-before-the-watch'), 'x');
  reset();
  watcher.check();
  await vi.waitFor(() => {
    expect(pokes()).toBeGreaterThan(0);
  }, WAIT);
  reset();
  writeFileSync(join(folder, 'a'), 'x');
  await vi.waitFor(() => {
    expect(pokes()).toBeGreaterThan(0);
  }, WAIT);
});

test('watches anew when another folder has taken its place', async () => {
  const root = tempFolder();
  const folder = join(root, 'landing');
  mkdirSync(folder);
  mkdirSync(join(root, 'mounted'));
  const { watcher, pokes, reset } = await watched(folder);
  renameSync(folder, join(root, 'old'));
  renameSync(join(root, 'mounted'), folder);
  watcher.check();
  await vi.waitFor(() => {
    expect(pokes()).toBeGreaterThan(0);
  }, WAIT);
  reset();
  writeFileSync(join(folder, 'a'), 'x');
  await vi.waitFor(() => {
    expect(pokes()).toBeGreaterThan(0);
  }, WAIT);
});

test('a folder that is not there yet is no error', async () => {
  const folder = join(tempFolder(), 'later');
  const watcher = watchLanding({ folder, onPoke: () => undefined, onError: () => undefined });
  await watcher.close();
});
