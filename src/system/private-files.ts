import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { systemCode } from './system-error.ts';

/**
 * Makes a folder and its missing parents for their owner and group, whatever the umask; what is put there is of that group.
 * @throws the system's error
 */
export function makePrivateFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  makePrivateFolder(path.dirname(folder));
  try {
    fs.mkdirSync(folder);
    fs.chmodSync(folder, 0o2770);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}

/**
 * Makes an empty file that its owner and group may read and write, whatever the umask; one that is there stays as it is.
 * @throws the system's error
 */
export function makePrivateFile(file: string): void {
  if (fs.existsSync(file)) return;
  const handle = fs.openSync(file, 'a', 0o660);
  try {
    fs.fchmodSync(handle, 0o660);
  } finally {
    fs.closeSync(handle);
  }
}

/**
 * Opens a new file that has no name: nobody else can open it, and however this process ends, it leaves nothing.
 * @param folder on whose disk it lies
 * @returns its descriptor
 * @throws the system's error
 */
export function openUnnamedFile(folder: string): number {
  const name = path.join(folder, `.landfall-${randomUUID()}`);
  const handle = fs.openSync(name, 'wx+', 0o600);
  fs.rmSync(name);
  return handle;
}
