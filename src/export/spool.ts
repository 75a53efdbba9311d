import fs from 'node:fs';
import path from 'node:path';
import { getuid } from 'node:process';
import { lockFile } from '../store/open.ts';

/** A folder for parts on their way, for their owner alone. */
export interface Spool {
  readonly folder: string;
  /** Removes it with all that is in it. */
  readonly close: () => void;
}

const PREFIX = 'landfall-export-';
const LOCK_NAME = 'lock';
/** Younger ones may not have their lock yet. */
const YOUNG_MS = 60_000;

/**
 * Makes a spool, and removes those of exports that were killed, since patient data may lie in them. Each is locked for as long as its
 * process lives.
 * @param within a folder for temporary files, which others may use, too
 * @throws the system's error
 */
export async function openSpool(within: string): Promise<Spool> {
  await removeLeft(within);
  const folder = fs.mkdtempSync(path.join(within, PREFIX));
  const release = await lockFile(path.join(folder, LOCK_NAME));
  const close = (): void => {
    fs.rmSync(folder, { recursive: true, force: true });
    release?.();
  };
  return { folder, close };
}

async function removeLeft(within: string): Promise<void> {
  for (const name of fs.readdirSync(within)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = path.join(within, name);
    if (!isOurs(folder)) continue;
    const release = await lockFile(path.join(folder, LOCK_NAME)).catch(() => null);
    if (release === null) continue;
    fs.rmSync(folder, { recursive: true, force: true });
    release();
  }
}

/** Others may put anything there: only a folder of this user's is looked into. */
function isOurs(folder: string): boolean {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === getuid?.() && Date.now() - stat.mtimeMs > YOUNG_MS;
}
