import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { LandfallError } from '../../src/model/errors.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { ROOT } from '../helpers/ingest.ts';
import { procedure } from '../helpers/rows.ts';
import { tempFolder } from '../helpers/temp.ts';

const URL_WITH_PASSWORD = 'postgres://loader:QZXQZX@db.example:5432/visits?sslpassword=QZXQZX';
const NAME = feedFileName('Procedure', '20260801_060000');

/** A working folder with a landing folder and a file in it. */
function workingFolder(): string {
  const folder = tempFolder();
  mkdirSync(join(folder, 'landing'));
  writeFileSync(join(folder, 'landing', NAME), feedFileText('Procedure', [procedure('P1')]));
  return folder;
}

const REFUSAL = 'LANDFALL_DB must not have the parameter sslpassword';

test.each([['status', '--json'], ['status', '--check'], ['files'], ['rejects'], ['verify'], ['check', 'no-such-file']])(
  'a URL that says what is not known is refused by %s %s, its password is shown nowhere, and nothing is made',
  async (...command) => {
    const cwd = workingFolder();
    const io = { ...captureIo(), cwd, env: { LANDFALL_DB: URL_WITH_PASSWORD } };
    await expect(runCommandLine(command, { open: () => io })).rejects.toSatisfy(
      (error) => error instanceof LandfallError && error.message.includes(REFUSAL) && !error.message.includes('QZX'),
    );
    expect(`${io.written.out}${io.written.err}`).not.toContain('QZX');
    expect(readdirSync(cwd)).toEqual(['landing']);
  },
);

test.each(['once', 'run', 'retry'])(
  'a URL that says what is not known is refused by %s, its password is shown nowhere, and nothing is made',
  (command) => {
    const cwd = workingFolder();
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(ROOT, 'bin/landfall.cjs'), command, '--settle', '0', ...(command === 'retry' ? [NAME] : [])],
      { cwd, env: { ...process.env, LANDFALL_DB: URL_WITH_PASSWORD }, encoding: 'utf8', timeout: 20_000 },
    );
    expect([status, `${stdout}${stderr}`]).toEqual([1, expect.stringContaining(REFUSAL)]);
    expect(`${stdout}${stderr}`).not.toContain('QZX');
    expect(readdirSync(cwd)).toEqual(['landing']);
  },
);

test('config shows the URL of a database without its password', async () => {
  const db = 'postgres://loader:QZXQZX@db.example:5432/visits?sslmode=require';
  const io = { ...captureIo(), env: { LANDFALL_DB: db } };
  expect(await runCommandLine(['config', '--json'], { open: () => io })).toBe(0);
  expect(JSON.parse(io.written.out)).toContainEqual({
    name: 'db',
    value: 'postgres://loader:***@db.example:5432/visits?sslmode=require',
    source: 'LANDFALL_DB',
  });
});
