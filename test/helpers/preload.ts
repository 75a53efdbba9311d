import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const LAUNCHER = join(import.meta.dirname, '../../bin/landfall.cjs');

/**
 * Runs a command, with a module that each of its processes loads before the program.
 * @param module the source text of the module
 * @returns what they wrote on standard error
 */
export function errorsWith(module: string, ...args: readonly string[]): string {
  const preload = `data:text/javascript,${encodeURIComponent(module)}`;
  return spawnSync(process.execPath, ['--import', preload, LAUNCHER, ...args], { encoding: 'utf8' }).stderr;
}
