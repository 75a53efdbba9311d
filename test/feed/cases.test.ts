import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import { LandfallError } from '../../src/model/errors.ts';

const CASES = join(import.meta.dirname, 'cases');

/** Each is a folder with a wrong `feed.yaml` and, in `expected.txt`, all that is said of it: `UPDATE=1` writes that anew. */
test.each(readdirSync(CASES))('a wrong feed is told with its places, all at once: %s', (name) => {
  const folder = join(CASES, name);
  const expected = join(folder, 'expected.txt');
  const told = `${problemOf(folder)}\n`;
  if (process.env['UPDATE'] !== undefined || !existsSync(expected)) writeFileSync(expected, told);
  expect(told).toBe(readFileSync(expected, 'utf8'));
});

test('there are at least twenty of them', () => {
  expect(readdirSync(CASES).length).toBeGreaterThanOrEqual(20);
});

function problemOf(folder: string): string {
  try {
    loadFeed(folder);
  } catch (error) {
    if (error instanceof LandfallError) return error.message.replace(`${folder}/`, '');
    throw error;
  }
  return 'nothing';
}
