import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { FEED_FILE, MIGRATIONS, ROOT } from './ingest.ts';

/** How a child process that opens a store is to be set up. */
export interface ChildSetUp {
  /** The file mode creation mask. */
  readonly umask?: number;
  /** Give up the rights of root for those of a user who owns nothing. */
  readonly unprivileged?: boolean;
  /** JavaScript to be run with the open `store`. */
  readonly then?: string;
  /** JavaScript to be run instead of opening it; `openForReading`, `tryLock` and `lookAtLock` are at hand. */
  readonly instead?: string;
}

/** The user and group that own nothing, by custom. */
const NOBODY = 65534;

/**
 * Opens a store, or does something else, in a process of its own, whose mask and rights are not those of the tests.
 * @returns `opened`, what was printed, or the error's class, kind (of a DatabaseFault) and message
 */
export function openInChild(file: string, setUp: ChildSetUp = {}): string {
  const module = (path: string) => JSON.stringify(join(ROOT, path));
  const open = `
      const store = openDatabase({ file: ${JSON.stringify(file)}, feed, migrations: ${JSON.stringify(MIGRATIONS)}, program: '0.0.0', cacheMib: 4 });
      ${setUp.then ?? ''}
      closeDatabase(store);
      console.log('opened');`;
  const script = `
    import { loadFeed } from ${module('src/feed/load.ts')};
    import { openForReading, openDatabase, closeDatabase } from ${module('src/store/sqlite/open.ts')};
    import { lookAtLock, tryLock } from ${module('src/store/sqlite/lock.ts')};
    const feed = loadFeed(${JSON.stringify(FEED_FILE)});
    ${setUp.umask === undefined ? '' : `process.umask(${setUp.umask});`}
    ${setUp.unprivileged === true ? `process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY});` : ''}
    try {
      ${setUp.instead ?? open}
    } catch (error) {
      console.log(error.constructor.name, error.kind ?? '-', error.message);
    }`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`the child failed: ${child.stderr}`);
  return child.stdout.trim();
}
