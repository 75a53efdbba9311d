import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FEED_FOLDER, MIGRATIONS } from '../helpers/ingest.ts';

/** Where the migrations of each dialect lie: the ledger's, and the shipped feed's. */
const FOLDERS = {
  sqlite: [MIGRATIONS, join(FEED_FOLDER, 'migrations/sqlite')],
  postgres: [join(MIGRATIONS, 'postgres'), join(FEED_FOLDER, 'migrations/postgres')],
};

function migrationsOf(dialect: keyof typeof FOLDERS): [number: string, name: string][] {
  const names = FOLDERS[dialect].flatMap((folder) => readdirSync(folder)).filter((name) => name.endsWith('.sql'));
  return names.map((name) => {
    const [, number = name, rest = ''] = /^(\d{4})_(.+)\.sql$/.exec(name) ?? [];
    return [number, rest];
  });
}

const [sqlite, postgres] = [migrationsOf('sqlite'), migrationsOf('postgres')];

test.each([
  ['sqlite', sqlite],
  ['postgres', postgres],
])('no two migrations of %s have one number', (_, migrations) => {
  const numbers = migrations.map(([number]) => number);
  expect(numbers.length).toBeGreaterThan(4);
  expect(numbers.toSorted()).toEqual([...new Set(numbers)].toSorted());
});

test('a number stands for the same migration in both dialects', () => {
  const names = new Map(sqlite);
  for (const [number, name] of postgres) expect(names.get(number) ?? name, number).toBe(name);
});

// The first migration of the ledger on PostgreSQL has what came in these; SQLite has one daemon, and no lease.
test('each migration stands in both dialects, but for those that one of them cannot need', () => {
  const only = (of: typeof sqlite, other: typeof sqlite): string[] =>
    of.filter(([number]) => !other.some((one) => one[0] === number)).map((one) => one.join('_'));
  expect(only(sqlite, postgres)).toEqual(['0003_attempts', '0004_warnings']);
  expect(only(postgres, sqlite)).toEqual(['0007_daemons', '0009_alert_lease']);
});
