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

/** A folder that is to be watched. */
interface FolderWatch {
  readonly options: WatchOptions;
  /** Null: it is not watched just now. */
  watched: { readonly identity: string; readonly watcher: FSWatcher } | null;
  /** It could not be watched. */
  retry: Retry | null;
  looking: boolean;
  closed: boolean;
}

/**
 * Starts to watch a folder, which need not exist yet. Call `check` from time to time: the system watches a folder, not a path,
 * and says nothing when another takes its place.
 */
export function watchLanding(options: WatchOptions): Watcher {
  const watch: FolderWatch = { options, watched: null, retry: null, looking: false, closed: false };
  check(watch);
  return {
    check() {
      check(watch);
    },
    close() {
      watch.closed = true;
      unwatch(watch);
    },
  };
}

function check(watch: FolderWatch): void {
  if (watch.looking) return;
  watch.looking = true;
  // Not in this thread: it waits for as long as a server that is gone does not answer.
  void identityOf(watch.options.folder).then((identity) => {
    watch.looking = false;
    if (!watch.closed && identity !== watch.watched?.identity) watchAnew(watch, identity);
  });
}

/** @param identity null: there is no folder */
function watchAnew(watch: FolderWatch, identity: string | null): void {
  const { folder, onPoke, onSight, monotonic } = watch.options;
  unwatch(watch);
  if (identity === null) {
    onSight();
    return;
  }
  if (waitMs(watch.retry, monotonic()) > 0) return;
  const watcher = new FolderWatcher({ depth: 0, ignoreInitial: true, persistent: true });
  watch.watched = { identity, watcher };
  watcher.on('raw', (_event: string, name: string | null) => {
    onPoke();
    if (name !== path.basename(folder)) return;
    // It was itself moved, removed or unmounted, and hears no more. One that takes its place may have the same identity.
    unwatch(watch);
    check(watch);
  });
  watcher.on('error', (error) => {
    noteFailure(watch, error);
  });
  watcher.on('ready', () => {
    watch.retry = null;
    onSight();
    // What came before the watch was set has made no event.
    onPoke();
  });
  watcher.add(folder);
}

function noteFailure(watch: FolderWatch, error: unknown): void {
  const { folder, onSight, onBlind, monotonic } = watch.options;
  unwatch(watch);
  const code = systemCode(error) ?? 'unknown';
  // One that cannot be listed either is told by who lists it, and is looked at each time.
  if (!canBeListed(folder)) {
    onSight();
    return;
  }
  watch.retry = retryAgain(watch.retry, BACK_OFF, monotonic());
  onBlind(LIMITS[code] ?? code);
}

function unwatch(watch: FolderWatch): void {
  void watch.watched?.watcher.close();
  watch.watched = null;
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
