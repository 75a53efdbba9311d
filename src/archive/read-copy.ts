import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { inArchive } from './archive.ts';
import type { StoredCopy } from './list-copies.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;

/**
 * The SHA-256 (hex) of the content of a copy.
 * @returns null where the copy is damaged: cut off, or other bytes than were written
 * @throws ArchiveFault when it cannot be read
 */
export async function hashCopy(copy: Pick<StoredCopy, 'archive' | 'path'>): Promise<string | null> {
  return await readInto(copy, () => Promise.resolve());
}

/**
 * Writes the content of a copy into a new file, for its owner alone.
 * @param to must not exist
 * @returns its SHA-256 (hex); null where the copy is damaged: what was written is then not the content
 * @throws ArchiveFault when the copy cannot be read; node's error when the file cannot be written
 */
export async function extractCopy(copy: Pick<StoredCopy, 'archive' | 'path'>, to: string): Promise<string | null> {
  await using file = await open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  return await readInto(copy, async (part) => {
    for (let at = 0; at < part.length;) at += (await file.write(part, at)).bytesWritten;
  });
}

async function readInto(
  { archive, path: below }: Pick<StoredCopy, 'archive' | 'path'>,
  take: (part: Buffer) => Promise<void>,
): Promise<string | null> {
  const at = path.join(archive, below);
  await using file = await inArchive(at, () => open(at, O_RDONLY | O_NOFOLLOW));
  const hash = createHash('sha256');
  try {
    await pipeline(file.createReadStream({ autoClose: false }), zlib.createZstdDecompress(), hashing(hash, take));
  } catch (error) {
    if (isDamage(error)) return null;
    return await inArchive(at, () => Promise.reject(error as Error));
  }
  return hash.digest('hex');
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
