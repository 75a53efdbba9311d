import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import type { Condition } from '../../src/status/condition.ts';
import { captureIo } from '../helpers/command-io.ts';
import { openDesk } from '../helpers/ingest.ts';

test('an export that fails is a condition, which status and alerts tell, until one to the same place succeeds', async () => {
  const desk = openDesk();
  const run = async (args: readonly string[], now: string) => {
    const io = captureIo({ now: new Date(now) });
    await runCommandLine([...args, '--db', desk.database.file, '--landing', desk.landing], { open: () => io });
    return io.written.out;
  };
  const conditions = async (): Promise<readonly Condition[]> => {
    const status = JSON.parse(await run(['status', '--json'], '2026-08-12T03:00:00Z')) as { conditions: Condition[] };
    return status.conditions.filter(({ kind }) => kind === 'export');
  };
  const to = join(desk.folder, 'lake');
  mkdirSync(to);
  writeFileSync(join(to, '_manifest.json'), 'of somebody else');
  for (const day of ['10', '11'])
    await expect(run(['export', '--to', to], `2026-08-${day}T03:00:00Z`)).rejects.toThrow("none of Landfall's");
  expect(await conditions()).toEqual([
    {
      ...{ id: `export:${to}`, kind: 'export', severity: 'error', dataset: null, file: null, period: null },
      text: expect.stringContaining(`the export failed: ${to}`) as string,
      hint: 'run it again: it goes on from what is there',
      since: '2026-08-10T03:00:00.000Z',
    },
  ]);
  // Another place is another matter.
  await run(['export', '--to', join(desk.folder, 'other')], '2026-08-12T03:00:00Z');
  expect(await conditions()).toHaveLength(1);
  expect(existsSync(`${desk.database.file}.exports`)).toBe(true);
  rmSync(join(to, '_manifest.json'));
  await run(['export', '--to', to], '2026-08-12T03:00:00Z');
  expect(await conditions()).toEqual([]);
  expect(existsSync(`${desk.database.file}.exports`)).toBe(false);
});
