import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { LandfallError } from '../model/errors.ts';
import { systemCode } from '../system/system-error.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import { deriveKey, SECRET_BYTES } from './key.ts';

/** What a key file holds: one line, so that it can be seen for what it is, and copied. */
const LINE = /^landfall-key-1:([A-Za-z0-9_-]{43})\r?\n?$/;
/** A key file has some 60 bytes; of anything larger no more than this is read. */
const LARGEST = 1024;
const READABLE_BY_OTHERS = 0o004;

/**
 * Reads the key of protected columns. Its group may read it (systemd's and Docker's ways to hand over a secret differ in that);
 * others may not.
 * @throws LandfallError naming the file: not there, not readable, readable by others, not a key. Never quotes it
 */
export function readKeyFile(file: string): ProtectionKey {
  const text = readSmallFile(file);
  const [, secret] = LINE.exec(text) ?? [];
  if (secret === undefined) throw problem(file, 'it is not a key file', 'make one with: landfall key new FILE');
  return deriveKey(Buffer.from(secret, 'base64url'));
}

/**
 * Makes a file with a new key, which its owner alone may read.
 * @returns the key's fingerprint
 * @throws LandfallError when something is there already: overwriting a key loses what it protects
 */
export function makeKeyFile(file: string): string {
  const secret = randomBytes(SECRET_BYTES);
  let handle;
  try {
    handle = fs.openSync(file, 'wx', 0o600);
  } catch (error) {
    if (systemCode(error) === 'EEXIST')
      throw problem(file, 'it is there already', 'a key is never overwritten: choose another name');
    throw problem(
      file,
      `it cannot be made: ${systemCode(error) ?? 'unknown error'}`,
      'is the folder there, and yours?',
    );
  }
  try {
    fs.fchmodSync(handle, 0o600);
    fs.writeSync(handle, `landfall-key-1:${secret.toString('base64url')}\n`);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  return deriveKey(secret).fingerprint;
}

function readSmallFile(file: string): string {
  let handle;
  try {
    // Not to wait for the writer of a pipe.
    handle = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') throw problem(file, 'there is no such file', 'make one with: landfall key new FILE');
    if (code === 'EACCES')
      throw problem(file, 'this user may not read it', 'its owner must be the user that landfall runs as');
    throw problem(
      file,
      `it cannot be read: ${code ?? 'unknown error'}`,
      'expected a file made by: landfall key new FILE',
    );
  }
  try {
    const stat = fs.fstatSync(handle);
    if (!stat.isFile()) throw problem(file, 'it is not a file', 'expected a file made by: landfall key new FILE');
    if ((stat.mode & READABLE_BY_OTHERS) !== 0)
      throw problem(file, 'every user of this machine may read it', 'run: chmod 600 FILE');
    const bytes = Buffer.alloc(LARGEST);
    return bytes.toString('latin1', 0, fs.readSync(handle, bytes, 0, LARGEST, 0));
  } finally {
    fs.closeSync(handle);
  }
}

function problem(file: string, what: string, hint: string): LandfallError {
  return new LandfallError('read key', what, { file, hint });
}
