import fs from 'node:fs';
import { systemCode } from '../system/system-error.ts';

/** What lies in a landing folder, one after the other. */
export type Entry =
  /** The path below the landing folder, with `/`. */
  | { readonly kind: 'name'; readonly name: string }
  /** A folder was opened. Its own path; empty for the landing folder. */
  | { readonly kind: 'folder'; readonly folder: string }
  /** A folder below the landing folder that cannot be looked into. */
  | { readonly kind: 'closed'; readonly name: string; readonly code: string };

/**
 * Walks the landing folder and the folders in it, as deep as names of the feed are; links are not followed, and folders with a dot in
 * front are passed over. One after the other: an array of all names would outlive the young generation, and the heap would grow with
 * each listing.
 * @param depth how many parts names have; 1: no folder is looked into
 * @throws Error as node:fs does, for the landing folder itself
 */
export function* walkFolders(landing: string, depth: number): Generator<Entry, void> {
  yield* walk(landing, '', depth);
}

function* walk(landing: string, folder: string, depth: number): Generator<Entry, void> {
  using entries = fs.opendirSync(folder === '' ? landing : `${landing}/${folder}`);
  yield { kind: 'folder', folder };
  for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    yield { kind: 'name', name };
    // A name with U+FFFD in it may not be the folder's: no path then leads to it.
    if (depth === 1 || !entry.isDirectory() || entry.name.startsWith('.') || entry.name.includes('\uFFFD')) continue;
    try {
      yield* walk(landing, name, depth - 1);
    } catch (error) {
      const code = systemCode(error);
      if (code === null) throw error;
      // It has gone since.
      if (code !== 'ENOENT' && code !== 'ENOTDIR') yield { kind: 'closed', name, code };
    }
  }
}
