import { FSWatcher } from 'chokidar';
import fs from 'node:fs';

/** Watches the landing folder. What it hears is a poke, never a fact: the loop lists the folder to see what is there. */
export interface Watcher {
  /** Looks whether the folder that is watched is still the one at its path, and watches anew where it is not. */
  check(): void;
  close(): Promise<void>;
}

export interface WatchOptions {
  readonly folder: string;
  /** Something may have happened in the folder. Called once for each event, so it must be quick. */
  readonly onPoke: () => void;
  /** The folder cannot be watched (a limit of the system): the schedule has to do. */
  readonly onError: (error: unknown) => void;
}

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
 * Starts to watch a folder, which need not exist yet.
 * inotify watches a folder, not a path: after an unmount, or when another folder takes its place, it stays silent.
 * Call `check` from time to time.
 */
export function watchLanding(options: WatchOptions): Watcher {
  const { folder, onPoke, onError } = options;
  let watcher: FSWatcher | null = null;
  let armedOn: string | null = null;

  function check(): void {
    const found = identityOf(folder);
    if (found === armedOn) return;
    armedOn = found;
    void watcher?.close();
    watcher = null;
    if (found === null) return;
    watcher = new FolderWatcher({ depth: 0, ignoreInitial: true, persistent: true });
    watcher.on('raw', onPoke);
    watcher.on('error', onError);
    // What came before the watch was set has made no event.
    watcher.on('ready', onPoke);
    watcher.add(folder);
  }

  check();
  return {
    check,
    close: async () => {
      await watcher?.close();
    },
  };
}

/** Tells one folder from another at the same path; null: there is none. */
function identityOf(folder: string): string | null {
  try {
    const stat = fs.statSync(folder, { bigint: true, throwIfNoEntry: false });
    return stat?.isDirectory() === true ? `${stat.dev}:${stat.ino}` : null;
  } catch {
    // Not to be looked at (an unreachable mount): the loop reports it when it lists the folder.
    return null;
  }
}
