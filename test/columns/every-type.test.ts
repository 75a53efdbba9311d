import fc from 'fast-check';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import type { ColumnType } from '../../src/columns/column-type.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../../src/columns/registry.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { FEED_FOLDER } from '../helpers/ingest.ts';
import { taker } from './take.ts';

const TYPES = Object.entries<ColumnType>(COLUMN_TYPES) as [ColumnTypeName, ColumnType][];

/** Texts that look like something, whole or broken. */
const pieces = fc.constantFrom(
  ...TYPES.flatMap(([, { taken, refused }]) => [...taken, ...refused]),
  ...[
    '1',
    '0',
    '-',
    '+',
    '.',
    ',',
    ' ',
    'e',
    'Z',
    'T',
    ':',
    '/',
    '#',
    'x',
    'é',
    '\u0301',
    '\n',
    '\t',
    '\u0000',
    'MAIN',
    'ST',
  ],
);
const texts = fc.oneof(
  fc.array(pieces, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

test('the library of phones is loaded with the first phone, and for no feed that has none', () => {
  const { cache } = createRequire(import.meta.url);
  const loaded = () => Object.keys(cache).filter((file) => file.includes('libphonenumber'));
  // Other tests of this process may have read phones.
  for (const file of loaded()) Reflect.deleteProperty(cache, file);
  loadFeed(FEED_FOLDER);
  expect(loaded()).toEqual([]);
  taker('phone')('617-555-0199');
  expect(loaded()).not.toEqual([]);
});

// Money is kept in cents.
test.each(TYPES.filter(([name]) => name !== 'money'))(
  '%s: what is taken is taken again as the same value',
  (name, { examplesWith = {} }) => {
    const take = taker(name, examplesWith);
    fc.assert(
      fc.property(texts, (text) => {
        const value = take(text);
        if (typeof value === 'string' || typeof value === 'number') expect(take(String(value))).toBe(value);
      }),
      { numRuns: 500 },
    );
  },
);

test.each(TYPES)(
  'P8: %s: a reason says what was expected, and never holds the value',
  (name, { codes, examplesWith = {} }) => {
    const take = taker(name, examplesWith);
    const marked = [
      'ZQX1907',
      '1907-13-45',
      '1907ZQX',
      '19071907190719071907',
      '19.071907',
      '19:07 ZQX',
      '19071907ZQX\u0000',
    ];
    for (const text of marked) {
      const problem = take(text);
      if (typeof problem !== 'object' || problem === null) continue;
      expect(problem.reason).not.toMatch(/1907|ZQX/);
      expect(Object.keys(codes)).toContain(problem.code);
    }
  },
);
