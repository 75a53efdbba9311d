import fs, { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createSealStream, createUnsealStream } from '../protection/seal-stream.ts';
import { syncToDisk } from '../system/sync.ts';
import { inArchive } from './archive.ts';
import type { StoredCopy } from './list-copies.ts';
import { hashCopy, isSealedCopy } from './read-copy.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/**
 * Seals a copy under a key: one that is in the clear, or sealed under another. It is read back before it takes the place of what was
 * there, in one step, so that a crash leaves the one or the other. Name and time of change stay.
 * @param from `archive` of the key that it may be sealed under; null: there is none
 * @param to `archive` of the key
 * @returns `sealed`; `same`: it was sealed under that key already; `damaged`: neither key opens it, or it is not what its name says. It
 *   then stays as it is
 * @throws ArchiveFault when it cannot be read or written
 */
export async function resealCopy(
  copy: StoredCopy,
  from: Uint8Array | null,
  to: Uint8Array,
): Promise<'sealed' | 'same' | 'damaged'> {
  const wasSealed = await isSealedCopy(copy);
  if (wasSealed && (await isSound(copy, to))) return 'same';
  if (wasSealed && (from === null || !(await isSound(copy, from)))) return 'damaged';
  if (!wasSealed && !(await isSound(copy, null))) return 'damaged';

  const at = path.join(copy.archive, copy.path);
  // Hidden, and no name of a draft: nobody takes it for anything. What lies there was left by a run that died, or is being written by
  // another one: it is put aside whole, since that run may be about to rename it.
  const besides = { archive: copy.archive, path: path.join(path.dirname(copy.path), `.${path.basename(at)}.sealing`) };
  const beside = path.join(besides.archive, besides.path);
  return await inArchive(at, async () => {
    fs.rmSync(beside, { force: true });
    {
      await using source = await open(at, O_RDONLY | O_NOFOLLOW);
      await using target = await open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      const input = source.createReadStream({ autoClose: false, start: 0 });
      const output = async (parts: AsyncIterable<Buffer>): Promise<void> => {
        for await (const part of parts)
          for (let done = 0; done < part.length;) done += (await target.write(part, done)).bytesWritten;
      };
      if (wasSealed && from !== null) await pipeline(input, createUnsealStream(from), createSealStream(to), output);
      else await pipeline(input, createSealStream(to), output);
      const { atimeMs, mtimeMs } = await source.stat();
      await target.utimes(atimeMs / 1000, mtimeMs / 1000).catch(() => undefined);
      await target.sync();
    }
    if ((await hashCopy(besides, to))?.startsWith(copy.digest) !== true) {
      fs.rmSync(beside, { force: true });
      return 'damaged';
    }
    fs.renameSync(beside, at);
    syncToDisk(path.dirname(at));
    return 'sealed';
  });
}

async function isSound(copy: StoredCopy, key: Uint8Array | null): Promise<boolean> {
  return (await hashCopy(copy, key))?.startsWith(copy.digest) === true;
}
