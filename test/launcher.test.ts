import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { errorsWith } from './helpers/preload.ts';
import { tempFolder } from './helpers/temp.ts';

const ROOT = path.join(import.meta.dirname, '..');

test('what Node compiles is kept where nobody else can put code, whatever the umask; also where links lead to the sources', () => {
  const clone = tempFolder();
  for (const folder of ['bin', 'node_modules']) mkdirSync(path.join(clone, folder));
  for (const file of ['bin/landfall.cjs', 'package.json']) copyFileSync(path.join(ROOT, file), path.join(clone, file));
  const packages = readdirSync(path.join(ROOT, 'node_modules')).filter((name) => !name.startsWith('.'));
  for (const linked of ['src', ...packages.map((name) => `node_modules/${name}`)])
    symlinkSync(path.join(ROOT, linked), path.join(clone, linked));

  const command = 'umask 0 && exec "$0" bin/landfall.cjs --version';
  const said = execFileSync('/bin/sh', ['-c', command, process.execPath], {
    ...{ cwd: clone, encoding: 'utf8' },
    // vitest keeps no compiled code.
    env: { PATH: process.env['PATH'] },
  });

  expect(said).toMatch(/^\d+\.\d+\.\d+\n$/);
  const cache = path.join(clone, 'node_modules/.cache/landfall');
  const kept = readdirSync(cache, { recursive: true, encoding: 'utf8' });
  expect(kept.length).toBeGreaterThan(10);
  for (const name of ['.', ...kept]) expect(statSync(path.join(cache, name)).mode & 0o077).toBe(0);
});

test('a command loads none of the languages that Zod brings but English', () => {
  const tell = `import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) { if (url.includes('/locales/')) console.error(url); return next(url, context); } });`;
  expect(errorsWith(tell, '--version')).toMatch(/^\S+\/zod\/v4\/locales\/en\.js\n$/);
});

test('a command checks what it reads without having the checks compiled', () => {
  const tell = `globalThis.Function = new Proxy(Function, {
    construct(target, args) { console.error('compiles'); return Reflect.construct(target, args); } });`;
  expect(errorsWith(tell, 'schema')).toBe('');
});
