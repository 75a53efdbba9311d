import path from 'node:path';
import { watchLanding, type WatchOptions, type Watcher } from './folder-watch.ts';

/** Watches the landing folder and those in it that names of the feed lead through. */
export interface FoldersWatcher extends Watcher {
  /** Watches just these folders besides the landing folder: what was found when it was last listed, as paths below it. */
  follow(folders: readonly string[]): void;
}

/** Starts to watch the landing folder. See `watchLanding`; it is in sight where all its folders are. */
export function watchFolders(options: WatchOptions): FoldersWatcher {
  const { folder: landing, onBlind, onSight } = options;
  const blind = new Set<string>();
  const watch = (folder: string): Watcher =>
    watchLanding({
      ...options,
      folder,
      onBlind: (why) => {
        blind.add(folder);
        onBlind(why);
      },
      onSight: () => {
        blind.delete(folder);
        if (blind.size === 0) onSight();
      },
    });
  const watchers = new Map([[landing, watch(landing)]]);
  return {
    follow(folders) {
      const wanted = new Set([landing, ...folders.map((folder) => path.join(landing, folder))]);
      for (const [folder, watcher] of watchers) {
        if (wanted.has(folder)) continue;
        watcher.close();
        watchers.delete(folder);
        if (blind.delete(folder) && blind.size === 0) onSight();
      }
      for (const folder of wanted) if (!watchers.has(folder)) watchers.set(folder, watch(folder));
    },
    check() {
      for (const watcher of watchers.values()) watcher.check();
    },
    close() {
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}
