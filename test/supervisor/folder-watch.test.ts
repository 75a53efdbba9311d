import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { watchLanding, type Watcher } from '../../src/supervisor/folder-watch.ts';
import { mountDisk } from '../helpers/disk.ts';
import { tempFolder } from '../helpers/temp.ts';

/** The user and group that own nothing, by custom. */
const NOBODY = 65534;

interface Watched {
  readonly watcher: Watcher;
  /** Waits until it has poked since this was last called, or since the start. */
  readonly poked: (withinMs?: number) => Promise<void>;
  /** Lets it look at the folder, as it does every few seconds. */
  readonly look: () => Promise<void>;
}

/** A change makes several events, and a look takes a moment, in ms. */
const A_MOMENT_MS = 30;

function watch(folder: string): Watched {
  let count = 0;
  let seen = 0;
  const watcher = watchLanding({
    folder,
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
  return {
    watcher,
    async poked(timeout = 10_000) {
      await vi.waitFor(
        () => {
          expect(count).toBeGreaterThan(seen);
        },
        { timeout, interval: 5 },
      );
      await sleep(A_MOMENT_MS);
      seen = count;
    },
    async look() {
      await sleep(A_MOMENT_MS);
      watcher.check();
      await sleep(A_MOMENT_MS);
    },
  };
}

/** A folder that is watched. */
async function watchedFolder(): Promise<Watched & { readonly folder: string; readonly root: string }> {
  const root = tempFolder();
  const folder = join(root, 'landing');
  mkdirSync(folder);
  const watched = watch(folder);
  await watched.poked();
  return { ...watched, folder, root };
}

/** Whether the folder that has taken the place of the watched one is looked at, and then watched. */
async function expectWatchedAnew({ look, poked }: Watched, folder: string): Promise<void> {
  await look();
  await poked();
  writeFileSync(join(folder, 'new'), 'x');
  await poked();
}

test('pokes when a file is made, written to or moved in', async () => {
  const { folder, root, poked } = await watchedFolder();
  writeFileSync(join(folder, 'a'), 'x');
  await poked();
  writeFileSync(join(folder, 'a'), 'y');
  await poked();
  const outside = join(root, 'b');
  writeFileSync(outside, 'x');
  renameSync(outside, join(folder, 'b'));
  await poked();
});

test('a folder that is not there yet is no error; it is watched once it is, and poked for what is in it', async () => {
  const folder = join(tempFolder(), 'later');
  const watched = watch(folder);
  mkdirSync(folder);
  writeFileSync(join(folder, 'came-before-the-watch'), 'x');
  await expectWatchedAnew(watched, folder);
});

test('watches anew when the folder was removed and made again, be it by the same number', async () => {
  const watched = await watchedFolder();
  const { folder } = watched;
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  await expectWatchedAnew(watched, folder);
});

test('watches anew when another folder has taken its place', async () => {
  const watched = await watchedFolder();
  const { folder, root } = watched;
  mkdirSync(join(root, 'other'));
  renameSync(folder, join(root, 'old'));
  renameSync(join(root, 'other'), folder);
  await expectWatchedAnew(watched, folder);
});

test('watches anew when the folder was renamed away and back', async () => {
  const watched = await watchedFolder();
  const { folder, root } = watched;
  renameSync(folder, join(root, 'old'));
  await watched.look();
  renameSync(join(root, 'old'), folder);
  await expectWatchedAnew(watched, folder);
});

test('watches anew when a link to the folder leads to another', async () => {
  const root = tempFolder();
  mkdirSync(join(root, 'first'));
  mkdirSync(join(root, 'second'));
  const folder = join(root, 'landing');
  symlinkSync('first', folder);
  const watched = watch(folder);
  await watched.poked();
  unlinkSync(folder);
  symlinkSync('second', folder);
  await expectWatchedAnew(watched, folder);
});

test('watches what is mounted on the folder, and the folder again when that was unmounted', async ({ skip }) => {
  const watched = await watchedFolder();
  const { folder } = watched;
  if (!mountDisk(folder, 'size=1m', onTestFinished)) skip('a file system cannot be mounted here');
  await expectWatchedAnew(watched, folder);
  spawnSync('umount', [folder]);
  await expectWatchedAnew(watched, folder);
});

test('a file of the same name as the folder changes nothing', async () => {
  const watched = await watchedFolder();
  const { folder, poked } = watched;
  for (let count = 0; count < 3; count++) {
    writeFileSync(join(folder, basename(folder)), 'x');
    await poked();
  }
  writeFileSync(join(folder, 'new'), 'x');
  await poked();
});

test('P7: a folder that may not be read at the start is watched once it may', async () => {
  const root = tempFolder();
  const folder = join(root, 'landing');
  mkdirSync(folder);
  if (process.getuid?.() === 0) {
    // Root may read everything.
    chmodSync(root, 0o755);
    chownSync(folder, NOBODY, NOBODY);
    process.seteuid?.(NOBODY);
    onTestFinished(() => {
      process.seteuid?.(0);
    });
  }
  chmodSync(folder, 0o000);
  const watched = watch(folder);
  await watched.look();
  await expect(watched.poked(100)).rejects.toThrow();
  chmodSync(folder, 0o700);
  await expectWatchedAnew(watched, folder);
});
