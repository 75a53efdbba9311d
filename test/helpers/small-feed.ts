import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadFeed } from '../../src/feed/load.ts';
import type { Feed } from '../../src/model/feed.ts';
import { tempFolder } from './temp.ts';

const LINEAGE = 'source_file_id INTEGER NOT NULL, source_line INTEGER NOT NULL, source_stamp TEXT NOT NULL';

/** A feed in a temporary folder, made of these files. */
export function feedOf(files: Readonly<Record<string, string>>): Feed {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return loadFeed(folder);
}

/** A feed of claims and their lines, whose files are called by a pattern. */
export function claimsFeed(pattern: string, more = ''): Feed {
  return feedOf({
    'feed.yaml': `feed: claims
files: { pattern: '${pattern}'${more} }
datasets:
  - name: claim
    table: claims
    columns: [{ header: id, name: claim_id, type: id }, { header: status, name: status, type: text }]
  - name: claim_line
    table: claim_lines
    columns: [{ header: id, name: line_id, type: id }, { header: claim, name: claim_id, type: id, references: claims }]
`,
    'migrations/sqlite/0001_claims.sql': `
CREATE TABLE claims (claim_id TEXT PRIMARY KEY NOT NULL, status TEXT, ${LINEAGE});
CREATE TABLE claim_lines (line_id TEXT PRIMARY KEY NOT NULL, claim_id TEXT REFERENCES claims (claim_id), ${LINEAGE});
CREATE INDEX claim_lines_by_claim ON claim_lines (claim_id);
`,
  });
}
