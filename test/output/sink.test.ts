import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openFileSink } from '../../src/output/sink.ts';
import { tempFolder } from '../helpers/temp.ts';

test('a file gets its name when all of it is written, for its owner alone; what a kill left before is no hindrance', async () => {
  const folder = tempFolder();
  const path = join(folder, 'rows.csv');
  writeFileSync(`${path}.part`, 'cut o');
  const sink = openFileSink(path);
  await sink.send('id,name\n');
  expect(readdirSync(folder)).toEqual(['rows.csv.part']);
  await sink.send('1,x\n');
  sink.finish();
  await sink.close();
  expect(readdirSync(folder)).toEqual(['rows.csv']);
  expect(readFileSync(path, 'utf8')).toBe('id,name\n1,x\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a file that is given up in the middle leaves nothing', async () => {
  const folder = tempFolder();
  const sink = openFileSink(join(folder, 'rows.csv'));
  await sink.send('id,name\n');
  await sink.close();
  expect(readdirSync(folder)).toEqual([]);
});

test('a file that is there is not overwritten', async () => {
  const path = join(tempFolder(), 'rows.csv');
  writeFileSync(path, 'mine');
  const sink = openFileSink(path);
  await sink.send('id\n');
  sink.finish();
  await expect(sink.close()).rejects.toThrow('could not be written (EEXIST) (remove it, or name another folder)');
  expect(readFileSync(path, 'utf8')).toBe('mine');
});
