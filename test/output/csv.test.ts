import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../helpers/ingest.ts';

test('a field of 8 MB of quotes takes no more memory than a few copies of it', () => {
  const script = `
    const { csvLine } = await import(${JSON.stringify(join(ROOT, 'src/output/csv.ts'))});
    const before = process.resourceUsage().maxRSS;
    const { length } = csvLine(['"'.repeat(8_000_000)]);
    console.log(JSON.stringify({ length, mib: (process.resourceUsage().maxRSS - before) / 1024 }));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  const { length, mib } = JSON.parse(stdout) as { length: number; mib: number };
  expect(length).toBe(16_000_004);
  expect(mib).toBeLessThan(150);
});
