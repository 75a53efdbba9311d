import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { SETTINGS } from '../../src/settings/settings.ts';
import { captureIo } from '../helpers/command-io.ts';
import { tempFolder } from '../helpers/temp.ts';

test('config says of each setting its value and where it came from', async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'etc'));
  const file = join(folder, 'etc', 'landfall.yaml');
  writeFileSync(file, 'settle: 5s\nafter: remove\nlanding: in\n');
  const io = { ...captureIo(), cwd: folder, env: { LANDFALL_AFTER: 'keep', LANDFALL_SETTINGS: file } };
  expect(await runCommandLine(['config', '--cache-mib', '8', '--json'], { open: () => io })).toBe(0);
  const shown = JSON.parse(io.written.out) as { name: string }[];
  expect(shown.map(({ name }) => name)).toEqual(SETTINGS.map(({ name }) => name));
  expect(shown).toEqual(
    expect.arrayContaining([
      { name: 'landing', value: join(folder, 'etc', 'in'), source: `landing in ${file}` },
      { name: 'db', value: join(folder, 'db', 'visitpay.sqlite'), source: 'default' },
      { name: 'settle', value: '5s', source: `settle in ${file}` },
      { name: 'after', value: 'keep', source: 'LANDFALL_AFTER' },
      { name: 'archive', value: join(folder, 'db', 'archive'), source: 'default' },
      { name: 'cache_mib', value: '8', source: '--cache-mib' },
    ]),
  );
});

test('config leaves no value blank: what is not set is said in words', async () => {
  const io = captureIo();
  expect(await runCommandLine(['config'], { open: () => io })).toBe(0);
  for (const line of io.written.out.trimEnd().split('\n')) expect(line.split('\t')).not.toContain('');
});

test('config says what is wrong, as every command does', async () => {
  const io = captureIo();
  await expect(runCommandLine(['config', '--settle', 'soon'], { open: () => io })).rejects.toThrow(
    /--settle must be a time/,
  );
});
