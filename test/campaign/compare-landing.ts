import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { filesIn } from './compare-archive.ts';
import { openToRead } from './compare.ts';

/** P6: every content that was delivered still lies somewhere under the landing folder, or, where it may be removed, in the archive. */
export function lostFiles(landing: string, archive: string | null, texts: readonly string[]): string[] {
  const found = new Set(filesIn(landing).map((file) => readFileSync(join(landing, file), 'utf8')));
  if (archive !== null)
    for (const file of filesIn(archive))
      found.add(zstdDecompressSync(readFileSync(join(archive, file))).toString('utf8'));
  const lost = texts.filter((text) => !found.has(text)).length;
  return lost === 0 ? [] : [`${lost} of ${texts.length} delivered contents are lost`];
}

/** In the end nothing is left that went in. */
export function leftFiles(landing: string, database: string): string[] {
  using opened = openToRead(database);
  const refused = opened.prepare<[], string>(`SELECT name FROM files WHERE state = 'quarantined'`).pluck().all();
  return filesIn(landing)
    .filter((file) => !refused.includes(file))
    .map((file) => `${file} is still there`);
}
