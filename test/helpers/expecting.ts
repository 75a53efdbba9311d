import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadFeed } from '../../src/feed/load.ts';
import type { Feed } from '../../src/model/feed.ts';
import type { DatasetName } from './feed-files.ts';
import { FEED_FILE, FEED_FOLDER } from './ingest.ts';
import { tempFolder } from './temp.ts';

/**
 * The feed with lines of YAML put into its datasets, e.g. `{ Visit: ["expect: { every: day, by: '06:00' }"] }`.
 * @param folder where it is put
 * @returns its folder, and what it says
 */
export function feedWith(
  lines: Partial<Record<DatasetName, readonly string[]>>,
  folder = tempFolder(),
): { path: string; feed: Feed } {
  let text = readFileSync(FEED_FILE, 'utf8');
  for (const [name, added] of Object.entries(lines)) {
    const head = new RegExp(`(- name: ${name}\\n +table: \\w+\\n)`);
    if (!head.test(text)) throw new Error(`the feed has no dataset ${name}`);
    text = text.replace(head, `$1${added.map((line) => `    ${line}\n`).join('')}`);
  }
  const path = join(folder, 'feed');
  cpSync(FEED_FOLDER, path, { recursive: true });
  writeFileSync(join(path, 'feed.yaml'), text);
  return { path, feed: loadFeed(path) };
}
