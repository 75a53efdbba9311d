import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSpool } from '../../src/export/spool.ts';
import { tempFolder } from '../helpers/temp.ts';

/** As a process that was killed an hour ago has left it. */
function leave(folder: string): string {
  writeFileSync(join(folder, 'visits-1.tmp'), 'rows');
  const then = new Date(Date.now() - 3_600_000);
  utimesSync(folder, then, then);
  return folder;
}

test('P8: what a killed export has left on this machine is removed by the next one', async () => {
  const within = tempFolder();
  const left = mkdtempSync(join(within, 'landfall-export-'));
  writeFileSync(join(left, 'lock'), '');
  leave(left);
  const spool = await openSpool(within);
  expect(existsSync(left)).toBe(false);
  expect(statSync(spool.folder).mode & 0o777).toBe(0o700);
  spool.close();
  expect(readdirSync(within)).toEqual([]);
});

test('the spool of an export that lives is kept, and so is one that was made just now', async () => {
  const within = tempFolder();
  const living = await openSpool(within);
  leave(living.folder);
  const young = mkdtempSync(join(within, 'landfall-export-'));
  const spool = await openSpool(within);
  expect(existsSync(join(living.folder, 'visits-1.tmp'))).toBe(true);
  expect(existsSync(young)).toBe(true);
  living.close();
  spool.close();
});

test('P6: a link under the name of a spool leads nowhere', async () => {
  const within = tempFolder();
  const elsewhere = join(tempFolder(), 'elsewhere');
  mkdirSync(elsewhere);
  leave(elsewhere);
  symlinkSync(elsewhere, join(within, 'landfall-export-x'));
  (await openSpool(within)).close();
  expect(readdirSync(elsewhere)).toEqual(['visits-1.tmp']);
});
