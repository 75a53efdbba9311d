import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../model/errors.ts';
import { lockFile } from '../store/open.ts';
import { makePrivateFolder } from '../system/private-files.ts';
import { systemCode } from '../system/system-error.ts';
import { syncToDisk } from '../system/sync.ts';
import { generationOf, MANIFEST_NAME, type StoredManifest, type Target } from './target.ts';

const LOCK_NAME = '_export.lock';
/** Readers of a lake pass over names that begin with an underscore. What lies there is removed: no other program may use the name. */
const SPOOL_NAME = '_landfall_staging';

/**
 * Opens a folder to export into, and makes it. One process at a time writes there: the lock is the system's, which takes it back from
 * the dead, so that whatever lies in the spool was left by one.
 * @throws LandfallError when it cannot be made or written, or another export writes there
 */
export async function openFolderTarget(folder: string): Promise<Target> {
  const spool = path.join(folder, SPOOL_NAME);
  const release = await guarded(folder, async () => {
    makePrivateFolder(folder);
    return await lockFile(path.join(folder, LOCK_NAME));
  });
  if (release === null)
    throw new LandfallError('export', 'another export is writing there', {
      ...{ file: folder, hint: 'wait for its end, or name another folder with --to' },
    });
  const close = (): Promise<void> => {
    fs.rmSync(spool, { recursive: true, force: true });
    release();
    return Promise.resolve();
  };
  await guarded(folder, () => {
    fs.rmSync(spool, { recursive: true, force: true });
    makePrivateFolder(spool);
  });
  /** What was put, by its name, and where it still lies. */
  const put = new Map<string, string>();
  return {
    shown: folder,
    spool,
    readManifest: () => guarded(folder, () => readManifest(folder)),
    list: () => guarded(folder, () => listParts(folder)),
    put(name, from) {
      put.set(name, from);
      return Promise.resolve();
    },
    settle: () =>
      guarded(folder, () => {
        // All at once, at the end: whoever reads without the manifest sees old and new parts together for a moment only.
        const folders = new Set<string>([folder]);
        for (const name of put.keys()) for (const each of foldersOf(folder, name)) folders.add(each);
        for (const each of folders) makePrivateFolder(each);
        for (const from of put.values()) syncToDisk(from);
        for (const [name, from] of put) fs.renameSync(from, path.join(folder, name));
        put.clear();
        for (const each of folders) syncToDisk(each);
      }),
    fetch: (name) => Promise.resolve(put.get(name) ?? path.join(folder, name)),
    commit: (text, before) => guarded(folder, () => commit(folder, spool, text, before)),
    remove: (names) =>
      guarded(folder, () => {
        for (const name of names) {
          fs.rmSync(path.join(folder, name), { force: true });
          for (const each of foldersOf(folder, name).toReversed()) removeIfEmpty(each);
        }
      }),
    close,
  };
}

/** The folders between the target and a part, from the outside in. */
function foldersOf(folder: string, name: string): readonly string[] {
  const parts = path.dirname(name).split('/');
  return parts.map((_, at) => path.join(folder, ...parts.slice(0, at + 1)));
}

function removeIfEmpty(folder: string): void {
  try {
    fs.rmdirSync(folder);
  } catch {
    // Something else lies in it.
  }
}

function readManifest(folder: string): StoredManifest | null {
  try {
    const text = fs.readFileSync(path.join(folder, MANIFEST_NAME), 'utf8');
    return { text, tag: createHash('sha256').update(text).digest('hex') };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Under the lock nobody else of Landfall's writes here; looked at again all the same, for locks that a network's file system ignores. */
function commit(folder: string, spool: string, text: string, before: StoredManifest | null): boolean {
  if (readManifest(folder)?.tag !== before?.tag) return false;
  const draft = path.join(spool, MANIFEST_NAME);
  const handle = fs.openSync(draft, 'w', 0o640);
  try {
    fs.writeFileSync(handle, text);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(draft, path.join(folder, MANIFEST_NAME));
  syncToDisk(folder);
  return true;
}

function listParts(folder: string): readonly string[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('_'))
    .flatMap((entry) =>
      fs
        .readdirSync(path.join(folder, entry.name), { recursive: true, encoding: 'utf8' })
        .map((name) => `${entry.name}/${name}`),
    )
    .filter((name) => generationOf(name) !== null);
}

/** @throws LandfallError for an error of the system */
async function guarded<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof LandfallError) throw cause;
    const code = systemCode(cause);
    const problem = code === 'ENOSPC' ? 'its disk is full' : `it cannot be written (${code ?? 'it failed'})`;
    throw new LandfallError('export', problem, { file: folder, hint: 'check its owner, mode and room', cause });
  }
}
