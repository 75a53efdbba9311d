/**
 * A feed with protected columns and checks for the campaigns, and what that makes of a delivery: worked out here once more, with nothing
 * of what the program does it by but the key and the opening of what is sealed.
 */
import { createHmac } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadFeed } from '../../src/feed/load.ts';
import type { Feed } from '../../src/model/feed.ts';
import type { ProtectionKey } from '../../src/model/protection-key.ts';
import { makeKeyFile, readKeyFile } from '../../src/protection/key-file.ts';
import { createOpener, isSealed } from '../../src/protection/seal.ts';
import { openToRead } from './compare.ts';
import { TABLE_COLUMNS } from './feeds.ts';
import type { Delivery, GoodRow } from './oracle.ts';

/** The feed that a campaign runs on. */
export interface Guard {
  /** Its folder. */
  readonly folder: string;
  /** Null: nothing is protected. */
  readonly keyFile: string | null;
  readonly protection: ProtectionKey | null;
  readonly load: () => Feed;
  /** What a delivery comes to in the tables. */
  readonly of: (delivery: Delivery) => Delivery;
  /** A raw text as it was sent. */
  readonly open: (raw: Buffer | string | null) => Buffer | string | null;
  /** Holds the warnings in the ledger against the files. @returns one line for each difference */
  readonly audit: (database: string, deliveries: readonly Delivery[]) => string[];
}

const SHIPPED = join(import.meta.dirname, '../../feeds/visitpay');

/** The shipped feed: nothing is protected, and nothing checked. */
export const UNGUARDED: Guard = {
  ...{ folder: SHIPPED, keyFile: null, protection: null },
  load: () => loadFeed(SHIPPED),
  of: (delivery) => delivery,
  open: (raw) => raw,
  audit: () => [],
};

const PROTECT = `protect:
  visits.visit_id: hash
  visits.patient_id: hash
  visits.patient_name: mask
`;

/** A file of procedures is held when its first good row has this code. */
const HELD_CODE = '002';

const CHECKS: Readonly<Record<string, { readonly dataset: string; readonly settings: string; readonly sql: string }>> =
  {
    first_code: {
      ...{ dataset: 'procedures', settings: 'severity: quarantine' },
      sql: `SELECT source_line FROM incoming
      WHERE source_line = (SELECT min(source_line) FROM incoming) AND procedure_code = '${HELD_CODE}'`,
    },
    no_charge: {
      ...{ dataset: 'visits', settings: 'severity: warn' },
      sql: 'SELECT source_line FROM incoming WHERE total_charge_cents IS NULL ORDER BY source_line',
    },
    any_transaction: {
      ...{ dataset: 'transactions', settings: 'on: tables' },
      sql: 'SELECT visit_id FROM transactions',
    },
  };

/** Makes such a feed, and its key, in a folder; the same again where they are there already. */
export function makeGuard(folder: string): Guard {
  const feed = join(folder, 'guarded');
  const keyFile = join(folder, 'key');
  if (!existsSync(keyFile)) {
    cpSync(SHIPPED, feed, { recursive: true });
    const put = (name: string, text: string): void => {
      mkdirSync(dirname(join(feed, name)), { recursive: true });
      writeFileSync(join(feed, name), text);
    };
    put('environments/default.yaml', PROTECT);
    let definition = readFileSync(join(feed, 'feed.yaml'), 'utf8');
    for (const [name, { dataset, settings, sql }] of Object.entries(CHECKS)) {
      const table = `table: ${dataset}\n`;
      definition = definition.replace(table, `${table}    checks: [{ name: ${name}, ${settings} }]\n`);
      for (const dialect of ['sqlite', 'postgres']) put(`checks/${dialect}/${name}.sql`, sql);
    }
    put('feed.yaml', definition);
    makeKeyFile(keyFile);
  }
  const protection = readKeyFile(keyFile);
  const opener = createOpener(protection.sealing);
  const hash = (text: string): string => createHmac('sha256', protection.hashing).update(text).digest('hex');
  return {
    ...{ folder: feed, keyFile, protection },
    load: () => loadFeed(feed),
    of: (delivery) => ({
      ...delivery,
      ...heldBy(delivery),
      rows: delivery.rows.map((row) => protectedRow(row, delivery.table, hash)),
    }),
    open(raw) {
      if (raw === null || !isSealed(raw)) return raw;
      const opened = opener(raw);
      return opened === null || typeof opened === 'string' ? opened : Buffer.from(opened);
    },
    audit: auditWarnings,
  };
}

function heldBy({ table, rows }: Delivery): Pick<Delivery, 'held'> {
  const first = rows.find((row) => row.kind === 'good');
  return { held: table === 'procedures' && first?.kind === 'good' && first.values[1] === HELD_CODE };
}

function protectedRow<Row extends Delivery['rows'][number]>(
  row: Row,
  table: string,
  hash: (text: string) => string,
): Row | GoodRow {
  if (row.kind === 'bad') return row;
  const columns = TABLE_COLUMNS[table] ?? [];
  return {
    ...row,
    key: table === 'visits' ? hash(row.key) : row.key,
    references: row.references.map((one) => (one.table === 'visits' ? { ...one, key: hash(one.key) } : one)),
    values: row.values.map((value, at) => {
      const column = columns[at] ?? '';
      if (value === null || table === 'procedures') return value;
      if (column === 'visit_id' || column === 'patient_id') return hash(String(value));
      return column === 'patient_name' ? masked(String(value)) : value;
    }),
  };
}

function masked(name: string): string {
  return name.slice(0, 1) + name.slice(1).replaceAll(/[A-Za-z0-9]/g, '*');
}

/** What the checks have found is in the ledger, of every file that is in, and none of them is due. */
function auditWarnings(file: string, deliveries: readonly Delivery[]): string[] {
  using database = openToRead(file);
  const entries = database
    .prepare<[], { name: string; dataset: string; sha256: string; read: number; warnings: string | null }>(
      `SELECT name, dataset, sha256, rows_read AS read, warnings FROM files WHERE revision > 0 AND reason_code IS NULL`,
    )
    .all();
  return entries.flatMap(({ name, dataset, warnings }) => {
    const found = JSON.parse(warnings ?? '{}') as Record<string, { count: number } | undefined>;
    if (found['check_due'] !== undefined) return [`${name}: its checks on the tables were not run`];
    if (found['check_failed'] !== undefined) return [`${name}: a check was not run to its end`];
    const contents = deliveries.filter((each) => each.name === name);
    const counts = contents.map(
      ({ rows }) => rows.filter((row) => row.kind === 'good' && row.values.at(-2) === null).length,
    );
    const count = found['check']?.count ?? 0;
    if (dataset === 'Visit' && !counts.includes(count)) return [`${name}: no_charge has found ${count} rows`];
    return [];
  });
}
