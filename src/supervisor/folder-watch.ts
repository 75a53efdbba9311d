import { FSWatcher } from 'chokidar';
import fs from 'node:fs';
import path from 'node:path';
import { systemCode } from '../system/system-error.ts';
import { retryAgain, waitMs, type BackOff, type Retry } from '../worker/back-off.ts';

/** Watches the landing folder. What it hears is a poke, never a fact: the loop lists the folder to see what is there. */
export interface Watcher {
  /** Looks whether the folder that is watched is still the one at its path, and watches anew where it is not. */
  check(): void;
  close(): void;
}

export interface WatchOptions {
  readonly folder: string;
  /** Something may have happened in the folder. Called once for each event, so it must be quick. */
  readonly onPoke: () => void;
  /** The folder is there and cannot be watched, though it can be listed: the schedule has to do. May be called again. */
  readonly onBlind: (why: string) => void;
  /** The folder is watched, or is not to be listed either. May be called again. */
  readonly onSight: () => void;
  /** Monotonic ms. */
  readonly monotonic: () => number;
}

/** Waits before a folder that could not be watched is tried again. */
const BACK_OFF: BackOff = { firstMs: 2_000, capMs: 60_000 };

/** What to do where a limit of inotify(7) is met. */
const LIMITS: Readonly<Record<string, string>> = {
  ENOSPC: 'all inotify watches are taken: raise fs.inotify.max_user_watches',
  EMFILE: 'all inotify instances are taken: raise fs.inotify.max_user_instances',
};

/**
 * chokidar, without its memory. It keeps every name it sees and reads and stats the whole folder again at each event:
 * with 100,000 files that is 430 MB and half a core, for a picture that nobody here asks for. `ignored` does not help,
 * since it is asked after the stat. Without this one method it watches the folder itself and passes on what it hears
 * as `raw` events: 44 MB, and 7 ms where it took 5 s.
 */
class FolderWatcher extends FSWatcher {
  override _readdirp(): undefined {
    return undefined;
  }
}

/**
 * Starts to watch a folder, which need not exist yet. Call `check` from time to time: the system watches a folder, not a path,
 * and says nothing when another takes its place.
 */
export function watchLanding(options: WatchOptions): Watcher {
  const { folder, onPoke, monotonic } = options;
  const ownName = path.basename(folder);
  let watched: { readonly identity: string; readonly watcher: FSWatcher } | null = null;
  let retry: Retry | null = null;
  let looking = false;
  let closed = false;

  function check(): void {
    if (looking) return;
    looking = true;
    // Not in this thread: it waits for as long as a server that is gone does not answer.
    void identityOf(folder).then((identity) => {
      looking = false;
      if (!closed) watch(identity);
    });
  }

  function watch(identity: string | null): void {
    if (identity === watched?.identity) return;
    unwatch();
    if (identity === null) {
      options.onSight();
      return;
    }
    if (waitMs(retry, monotonic()) > 0) return;
    const watcher = new FolderWatcher({ depth: 0, ignoreInitial: true, persistent: true });
    watched = { identity, watcher };
    watcher.on('raw', heard);
    watcher.on('error', failed);
    watcher.on('ready', () => {
      retry = null;
      options.onSight();
      // What came before the watch was set has made no event.
      onPoke();
    });
    watcher.add(folder);
  }

  function heard(_event: string, name: string | null): void {
    onPoke();
    if (name !== ownName) return;
    // It was itself moved, removed or unmounted, and hears no more. One that takes its place may have the same identity.
    unwatch();
    check();
  }

  function failed(error: unknown): void {
    unwatch();
    const code = systemCode(error) ?? 'unknown';
    // One that cannot be listed either is told by who lists it, and is looked at each time.
    if (!canBeListed(folder)) {
      options.onSight();
      return;
    }
    retry = retryAgain(retry, BACK_OFF, monotonic());
    options.onBlind(LIMITS[code] ?? code);
  }

  function unwatch(): void {
    void watched?.watcher.close();
    watched = null;
  }

  check();
  return {
    check,
    close() {
      closed = true;
      unwatch();
    },
  };
}

/** Tells one folder from another at the same path; null: there is none, or it cannot be looked at. */
async function identityOf(folder: string): Promise<string | null> {
  try {
    const stat = await fs.promises.stat(folder, { bigint: true });
    return stat.isDirectory() ? `${stat.dev}:${stat.ino}` : null;
  } catch {
    return null;
  }
}

function canBeListed(folder: string): boolean {
  try {
    fs.opendirSync(folder).closeSync();
    return true;
  } catch {
    return false;
  }
}
