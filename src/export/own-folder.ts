import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../model/errors.ts';
import { isUrl } from '../settings/database-url.ts';
import type { Settings } from '../settings/settings.ts';
import { realPath } from '../system/real-path.ts';
import { isSqliteFile } from './sqlite-file.ts';

/**
 * Makes sure that an export goes into a folder of its own: what it writes would be taken for a delivery in the landing folder and for a copy in
 * the archive, and who may read the one need not be who may read the other. Links, and other mounts of the same folder, are seen through.
 * @param to absolute: a folder, or the file of a database, which may lie beside the one that it is made from
 * @throws LandfallError
 */
export function requireOwnFolder(
  to: string,
  { landing, archive, db }: Pick<Settings, 'landing' | 'archive' | 'db'>,
): void {
  const isFile = isSqliteFile(to);
  const target = lineage(to);
  const refuse = (problem: string): never => {
    throw new LandfallError('export', problem, {
      ...{ file: to, hint: 'an export needs a folder of its own: name another with --to' },
    });
  };
  const taken: readonly (readonly [name: string, folder: string, isWhole: boolean])[] = [
    ['the landing folder', landing, true],
    ...(archive === null ? [] : [['the archive', archive, true] as const]),
    // Other folders may lie beside a database.
    ...(isUrl(db) || isFile ? [] : [['the folder of the database', path.dirname(db), false] as const]),
  ];
  for (const [name, folder, isWhole] of taken) {
    const other = lineage(folder);
    if (isSame(target[0], other[0])) refuse(`it is ${name}`);
    if (isWhole && target.some((above) => isSame(above, other[0]))) refuse(`it lies in ${name}, ${folder}`);
    if (other.some((above) => isSame(above, target[0]))) refuse(`it holds ${name}, ${folder}`);
  }
}

/** A folder by its one name and, where it is there, by what the system knows it by. */
interface Folder {
  readonly name: string;
  readonly id: string | null;
}

/** A folder, and those above it, from the inside out. */
function lineage(folder: string): readonly Folder[] {
  const found: Folder[] = [];
  for (let name = realPath(folder) ?? folder; ; name = path.dirname(name)) {
    found.push({ name, id: idOf(name) });
    if (name === path.dirname(name)) return found;
  }
}

/** Null: it is not there, or not to be seen. */
function idOf(name: string): string | null {
  try {
    const { dev, ino } = fs.statSync(name, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

function isSame(one: Folder | undefined, other: Folder | undefined): boolean {
  return one?.name === other?.name || (one?.id != null && one.id === other?.id);
}
