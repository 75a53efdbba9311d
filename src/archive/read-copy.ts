import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { type Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { LandfallError } from '../model/errors.ts';
import { createUnsealStream, SEALED_MAGIC, UnsealError } from '../protection/seal-stream.ts';
import { findWay, inArchive } from './archive.ts';
import type { StoredCopy } from './list-copies.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;

/**
 * The SHA-256 (hex) of the content of a copy.
 * @param key `archive` of the protection key, for copies that are sealed; null: there is none
 * @returns null where the copy is damaged: cut off, or other bytes than were written
 * @throws ArchiveFault when it cannot be read; LandfallError when it is sealed and there is no key
 */
export async function hashCopy(
  copy: Pick<StoredCopy, 'archive' | 'path'>,
  key: Uint8Array | null,
): Promise<string | null> {
  return await readInto(copy, key, () => Promise.resolve());
}

/**
 * Writes the content of a copy into an open file.
 * @param key as of `hashCopy`
 * @param to its descriptor
 * @returns as `extractCopy`
 */
export async function writeCopy(
  copy: Pick<StoredCopy, 'archive' | 'path'>,
  key: Uint8Array | null,
  to: number,
): Promise<string | null> {
  return await readInto(copy, key, (part) => {
    for (let at = 0; at < part.length;) at += fs.writeSync(to, part, at);
    return Promise.resolve();
  });
}

/**
 * Writes the content of a copy into a new file, for its owner alone.
 * @param key as of `hashCopy`
 * @param to must not exist
 * @returns its SHA-256 (hex); null where the copy is damaged: what was written is then not the content
 * @throws ArchiveFault when the copy cannot be read; node's error when the file cannot be written
 */
export async function extractCopy(
  copy: Pick<StoredCopy, 'archive' | 'path'>,
  key: Uint8Array | null,
  to: string,
): Promise<string | null> {
  await using file = await open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  return await readInto(copy, key, async (part) => {
    for (let at = 0; at < part.length;) at += (await file.write(part, at)).bytesWritten;
  });
}

async function readInto(
  { archive, path: below }: Pick<StoredCopy, 'archive' | 'path'>,
  key: Uint8Array | null,
  take: (part: Buffer) => Promise<void>,
): Promise<string | null> {
  const at = path.join(archive, below);
  await using file = await inArchive(at, () => {
    findWay({ folder: archive }, below);
    return open(at, O_RDONLY | O_NOFOLLOW);
  });
  const hash = createHash('sha256');
  let notTaken: unknown = null;
  const output = hashing(hash, async (part) => {
    try {
      await take(part);
    } catch (error) {
      notTaken = error;
      throw error;
    }
  });
  const unseal = await unsealing(file, at, key);
  const input = file.createReadStream({ autoClose: false, start: 0 });
  const unzip = zlib.createZstdDecompress();
  try {
    if (unseal === null) await pipeline(input, unzip, output);
    else await pipeline(input, unseal, unzip, output);
  } catch (error) {
    if (notTaken !== null) throw notTaken as Error;
    if (isDamage(error) || error instanceof UnsealError) return null;
    return await inArchive(at, () => Promise.reject(error as Error));
  }
  return hash.digest('hex');
}

/**
 * What opens a copy that is sealed; null: it is not.
 * @throws LandfallError where it is, and there is no key
 */
async function unsealing(file: FileHandle, at: string, key: Uint8Array | null): Promise<Transform | null> {
  if (!(await isSealedFile(file, at))) return null;
  if (key !== null) return createUnsealStream(key);
  throw new LandfallError('read archive', 'it is sealed', {
    file: at,
    hint: 'name the key with --key-file, and the environment that protects the feed with --env',
  });
}

/** Whether a copy is sealed. @throws ArchiveFault when it cannot be read */
export async function isSealedCopy({ archive, path: below }: Pick<StoredCopy, 'archive' | 'path'>): Promise<boolean> {
  const at = path.join(archive, below);
  await using file = await inArchive(at, () => open(at, O_RDONLY | O_NOFOLLOW));
  return await isSealedFile(file, at);
}

/** What may be wrong with a copy that does not give its content: of one that is sealed, the key may be. */
export async function damageOf(copy: Pick<StoredCopy, 'archive' | 'path'>): Promise<string> {
  return (await isSealedCopy(copy)) ? 'damaged, or sealed under another key' : 'damaged';
}

async function isSealedFile(file: FileHandle, at: string): Promise<boolean> {
  const head = Buffer.alloc(SEALED_MAGIC.length);
  await inArchive(at, () => file.read(head, 0, head.length, 0));
  return head.equals(SEALED_MAGIC);
}

function hashing(hash: Hash, take: (part: Buffer) => Promise<void>): Writable {
  return new Writable({
    write(part: Buffer, _, done) {
      hash.update(part);
      take(part).then(() => {
        done();
      }, done);
    },
  });
}

/** What zlib says of bytes that it did not write. */
function isDamage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(ZSTD_|Z_)/.test(String(error.code));
}
