import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { writeFeedFile } from './helpers/feed-files.ts';
import { errorsWith } from './helpers/preload.ts';
import { tempFolder } from './helpers/temp.ts';

/** Has each process say on standard error which flags of V8 it sets, and set them. */
const TELL = `import v8 from 'node:v8';
  import { syncBuiltinESMExports } from 'node:module';
  const set = v8.setFlagsFromString;
  v8.setFlagsFromString = (flag) => { console.error('sets ' + flag); set(flag); };
  syncBuiltinESMExports();`;

/** The flags that a command and its children set. */
function flagsOf(...args: readonly string[]): readonly string[] {
  return errorsWith(TELL, ...args)
    .split('\n')
    .flatMap((line) => /^sets (\S+)$/.exec(line)?.[1] ?? []);
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
  writeFeedFile(landing, 'Procedure', '20250501_000000', rows);

  const flags = flagsOf('once', '--landing', landing, '--db', path.join(work, 'db.sqlite'), '--settle', '0');

  expect(flags).toContain('--no-allocation-site-pretenuring');
});
