import path from 'node:path';
import { makeKeyFile } from '../protection/key-file.ts';
import type { CommandIo } from '../system/io.ts';
import { printable } from '../output/terminal.ts';

/**
 * Makes a key for protected columns.
 * @returns 0
 * @throws LandfallError when it cannot be made, or something is there already
 */
export function newKey(file: string, { cwd, stdout }: CommandIo): Promise<number> {
  const fingerprint = makeKeyFile(path.resolve(cwd, file));
  stdout.write(
    `made ${printable(file)}, which you alone may read; its fingerprint is ${fingerprint}\n` +
      'Keep a copy in a safe place: what is hashed under it cannot be joined, and what is sealed cannot be read, without it.\n',
  );
  return Promise.resolve(0);
}
