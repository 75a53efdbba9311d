import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashCopy } from '../../src/archive/read-copy.ts';
import { filesIn } from './compare-archive.ts';
import { openToRead } from './compare.ts';

/**
 * P6: every content that was delivered still lies somewhere under the landing folder, or, where it may be removed, in the archive.
 * @param archive its folder, and the key of copies that are sealed; null: nothing may be removed
 */
export async function lostFiles(
  landing: string,
  archive: { readonly folder: string; readonly key: Uint8Array | null } | null,
  texts: readonly string[],
): Promise<string[]> {
  const found = new Set<string | null>(filesIn(landing).map((file) => shaOf(readFileSync(join(landing, file)))));
  if (archive !== null)
    for (const path of filesIn(archive.folder))
      found.add(await hashCopy({ archive: archive.folder, path }, archive.key));
  const lost = texts.filter((text) => !found.has(shaOf(text))).length;
  return lost === 0 ? [] : [`${lost} of ${texts.length} delivered contents are lost`];
}

function shaOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** In the end nothing is left that went in. */
export function leftFiles(landing: string, database: string): string[] {
  using opened = openToRead(database);
  const refused = opened.prepare<[], string>(`SELECT name FROM files WHERE state = 'quarantined'`).pluck().all();
  return filesIn(landing)
    .filter((file) => !refused.includes(file))
    .map((file) => `${file} is still there`);
}
