import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './helpers/ingest.ts';

test('the unit for several feeds differs from the one for one only in what is theirs', () => {
  const lines = (name: string): string[] => readFileSync(join(ROOT, 'deploy', name), 'utf8').split('\n');
  const one = lines('landfall.service');
  const each = lines('landfall@.service');
  const names = (some: readonly string[]): string[] =>
    some.map((line) => line.split(/=(?:LANDFALL_)?/)[0] ?? '').slice(1);
  expect(new Set(names(each.filter((line) => !one.includes(line))))).toEqual(
    new Set(['Description', 'Environment', 'EnvironmentFile', 'StateDirectory']),
  );
  expect(one.filter((line) => !each.includes(line))).toHaveLength(6);
  for (const line of each.filter((text) => !one.includes(text)).slice(1)) expect(line).toContain('%i');
  expect(existsSync(join(ROOT, 'examples/claims/feed.yaml'))).toBe(true);
});
