/* eslint-disable no-restricted-globals -- SQLite reads the environment of the process by itself: nothing that is handed down would be sure to say the same. */
import fs from 'node:fs';
import path from 'node:path';

/** A disk with less room than this counts as full: some file systems keep a reserve that they call free. */
const FULL_BELOW_BYTES = 64 * 1024 * 1024;

/** The last of the folders in which SQLite tries to make a temporary file. */
const LAST_RESORT = '.';

/**
 * The folder that SQLite makes its temporary files in: the first one that may be written
 * (https://sqlite.org/tempfiles.html, section 5).
 */
export function temporaryFolder(): string {
  const { SQLITE_TMPDIR, TMPDIR } = process.env;
  const candidates = [SQLITE_TMPDIR, TMPDIR, '/var/tmp', '/usr/tmp', '/tmp'].filter((folder) => folder !== undefined);
  return candidates.find(isWritable) ?? LAST_RESORT;
}

/** Whether there is no folder at all for temporary files, as in a container whose root is read-only. */
export function lacksTemporaryFolder(): boolean {
  const folder = temporaryFolder();
  return folder === LAST_RESORT && !isWritable(folder);
}

function isWritable(folder: string): boolean {
  try {
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
    return fs.statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Where room has run out, and SQLite does not say where: the folder for temporary files, or null for the disk of the database.
 * A database keeps the room that it has taken, temporary files are gone by now; so the database's disk is only the one where it is
 * full still.
 * @param file the database
 */
export function fullTemporaryFolder(file: string): string | null {
  try {
    const folder = temporaryFolder();
    const beside = path.dirname(file);
    if (fs.statSync(folder).dev === fs.statSync(beside).dev) return null;
    const room = roomIn(beside);
    return room < FULL_BELOW_BYTES && room <= roomIn(folder) ? null : folder;
  } catch {
    return null;
  }
}

/** Bytes that this process may still write. */
export function roomIn(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}
