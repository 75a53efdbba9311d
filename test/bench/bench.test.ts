import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { tempFolder } from '../helpers/temp.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

const outputSchema = z.object({
  machine: z.array(z.string()),
  rows: z.number(),
  results: z.array(
    z.object({
      scenario: z.string(),
      figures: z
        .array(z.object({ what: z.string(), ms: z.number().optional(), note: z.string().optional() }))
        .nonempty(),
      marks: z.array(z.object({ what: z.string(), value: z.number(), reached: z.boolean() })),
    }),
  ),
});

// Whether a mark is reached is not asked: that is the benchmark's to say, on a machine of its own.
test('the benchmark runs on a small size', async () => {
  const names = ['bulk', 'small-files'];
  const args = ['bench/main.ts', '--rows', '1000', '--repeat', '1', '--json', '--scenario', names.join(',')];
  const env = { ...process.env, TMPDIR: tempFolder() };
  const { stdout, stderr } = await run(process.execPath, args, { cwd: ROOT, env });
  const { rows, results } = outputSchema.parse(JSON.parse(stdout));
  expect(rows).toBe(1000);
  expect(results.map(({ scenario }) => scenario)).toEqual(names);
  expect(stderr).toContain('bulk: landfall, round 1 of 1');
  expect(results[0]?.figures.map(({ what }) => what)).toEqual([
    ...['landfall', 'sqlite3 shell', 'python', 'floor', 'landfall, no archive'],
  ]);
  for (const { marks } of results) for (const { value } of marks) expect(value).toBeGreaterThan(0);
});

test('a scenario that is not there is an error that names those that are', async () => {
  const wrong = run(process.execPath, ['bench/main.ts', '--scenario', 'nothing'], { cwd: ROOT });
  await expect(wrong).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('only these: bulk, daily') as string,
  });
});
