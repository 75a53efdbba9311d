import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { feedFileName, feedFileText } from './helpers/feed-files.ts';
import { tempFolder } from './helpers/temp.ts';

const ROOT = path.join(import.meta.dirname, '..');

/** Has each process say on standard error which flags of V8 it sets, and set them. */
const TELL = `import v8 from 'node:v8';
  import { syncBuiltinESMExports } from 'node:module';
  const set = v8.setFlagsFromString;
  v8.setFlagsFromString = (flag) => { console.error('sets ' + flag); set(flag); };
  syncBuiltinESMExports();`;

/** The flags that a command and its children set. */
function flagsOf(...args: readonly string[]): readonly string[] {
  const preload = `data:text/javascript,${encodeURIComponent(TELL)}`;
  const launcher = path.join(ROOT, 'bin/landfall.cjs');
  const { stderr } = spawnSync(process.execPath, ['--import', preload, launcher, ...args], { encoding: 'utf8' });
  return stderr.split('\n').flatMap((line) => /^sets (\S+)$/.exec(line)?.[1] ?? []);
}

test("an idle daemon is not woken by V8's memory reducer; a short command takes Node's own modules as they were compiled", () => {
  expect(flagsOf('run', '--help')).toEqual(['--memory-reducer-gc-count=0']);
  expect(flagsOf('status', '--help')).toEqual([]);
});

test('what is parsed of a large file stays among the young objects', () => {
  const work = tempFolder();
  const landing = path.join(work, 'landing');
  mkdirSync(landing);
  const rows = Array.from({ length: 20_000 }, (_, row) => ({
    ProcedureID: `P${row}`,
    ProcedureCode: '99213',
    CodeSystem: 'CPT',
    Description: 'Office visit of an established patient, '.padEnd(200, '.'),
    StandardCharge: '12.50',
    EffectiveDate: '2025-01-01',
  }));
  writeFileSync(
    path.join(landing, feedFileName('Procedure', new Date('2025-05-01T00:00:00Z'))),
    feedFileText('Procedure', rows),
  );

  const flags = flagsOf('once', '--landing', landing, '--db', path.join(work, 'db.sqlite'), '--settle', '0');

  expect(flags).toContain('--no-allocation-site-pretenuring');
});
