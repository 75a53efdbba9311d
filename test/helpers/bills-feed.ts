import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadFeed } from '../../src/feed/load.ts';
import type { Feed } from '../../src/model/feed.ts';
import { tablesText } from '../../src/store/schema.ts';
import { tempFolder } from './temp.ts';

/** What a patient is called in bills: it must not be seen outside the tables. */
export const MARKED_NAME = 'MARKEDNAME';

const COLUMNS = `
      - { header: id, name: bill_id, type: id }
      - { header: name, name: patient_name, type: text }
      - { header: amount, name: amount_cents, type: money }`;

/** Rows of one file that say the same of one patient. */
export const TWINS = `-- Two rows of one file that say the same of one patient.
SELECT a.source_line, a.patient_name FROM incoming a
JOIN incoming b ON b.patient_name = a.patient_name AND b.amount_cents = a.amount_cents AND b.source_line < a.source_line
ORDER BY a.source_line`;

/** A feed of bills with these checks and columns; a check's SQL is the same for both databases. */
export function billsFeed(checks: string, sql: Readonly<Record<string, string>>, columns = COLUMNS): Feed {
  const folder = tempFolder();
  const put = (name: string, text: string): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  put(
    'feed.yaml',
    `feed: bills
files: { pattern: '{dataset}/bills_{stamp:YYYYMMDD}.csv' }
datasets:
  - name: bill
    table: bills
    checks: ${checks}
    columns:${columns}
`,
  );
  for (const [name, text] of Object.entries(sql))
    for (const dialect of ['sqlite', 'postgres']) put(`checks/${dialect}/${name}.sql`, text);
  const feed = loadFeed(folder);
  for (const dialect of ['sqlite', 'postgres'] as const)
    put(`migrations/${dialect}/0001_bills.sql`, tablesText(feed, dialect));
  return feed;
}

/** A file of bills. */
export function billsFile(...rows: readonly string[]): string {
  return ['id,name,amount', ...rows, ''].join('\n');
}
