import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { hashCopy } from '../../src/archive/read-copy.ts';
import { openToRead } from './compare.ts';

/**
 * Holds an archive against the ledger: a copy with the right bytes of each content that was ingested, and nothing else.
 * @returns one line for each difference
 */
export function compareArchive(database: string, archive: string): string[] {
  return compare(database, filesIn(archive), (path) => shaOf(join(archive, path)));
}

/**
 * As `compareArchive`, of an archive whose copies may be sealed.
 * @param key `archive` of the protection key; null: nothing is sealed
 */
export async function compareSealedArchive(
  database: string,
  archive: string,
  key: Uint8Array | null,
): Promise<string[]> {
  const hashes = new Map<string, string | null>();
  for (const path of filesIn(archive)) hashes.set(path, await hashCopy({ archive, path }, key));
  return compare(database, [...hashes.keys()], (path) => hashes.get(path) ?? null);
}

function compare(database: string, paths: readonly string[], hashOf: (path: string) => string | null): string[] {
  using opened = openToRead(database);
  const entries = opened
    .prepare<[], { path: string; sha256: string }>(
      `SELECT coalesce(archived_to, name || ' r' || revision || ' without a copy') AS path, sha256 FROM files
       WHERE revision > 0 AND reason_code IS NULL`,
    )
    .all();
  const found = new Set(paths);
  const problems: string[] = [];
  for (const { path, sha256 } of entries) {
    const isThere = found.delete(path);
    if (!isThere) problems.push(`the archive lacks ${path}`);
    else if (hashOf(path) !== sha256) problems.push(`${path} has other bytes`);
  }
  return [...problems, ...[...found].map((path) => `${path} is in the archive and not in the ledger`)];
}

/** The paths of all files below a folder, relative to it. */
export function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

/** Of the bytes that a copy holds; null: it is damaged. */
function shaOf(copy: string): string | null {
  try {
    return createHash('sha256')
      .update(zstdDecompressSync(readFileSync(copy)))
      .digest('hex');
  } catch {
    return null;
  }
}
