import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import type { Archive } from '../model/archive.ts';
import { createSealStream } from '../protection/seal-stream.ts';
import { syncToDisk } from '../system/sync.ts';
import { inArchive, makeWay } from './archive.ts';
import { draftPath } from './name.ts';

/** A copy in the making. What its methods raise is an ArchiveFault. */
export interface Draft {
  /** Adds bytes, which may change when this returns; waits where the disk is slower than the reading. */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the copy whole and durable: it then outlives a power cut.
   * @param mtimeMs what the file was last changed at, which the copy says, too
   */
  finish(mtimeMs: number): Promise<void>;
  /** Lets go of the file; what is not finished stays as it is. */
  close(): Promise<void>;
}

const { ZSTD_c_compressionLevel: LEVEL, ZSTD_c_checksumFlag: CHECKSUM } = zlib.constants;

const OPTIONS = {
  /** Level 1: 320 MB/s, a sixth of the size. The checksum tells a damaged copy from a sound one without the ledger. */
  params: { [LEVEL]: 1, [CHECKSUM]: 1 },
  /** Bytes that may wait to be compressed: the reading goes on meanwhile. */
  highWaterMark: 4 * 1024 * 1024,
  /** Bytes that are written at a time. */
  chunkSize: 128 * 1024,
};

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/**
 * Begins the copy of a content, under a name that no reader of the archive takes for a copy. It is compressed in libuv's pool.
 * @param takenAt ISO 8601, UTC, with milliseconds
 * @throws ArchiveFault
 */
export async function openDraft(archive: Archive, name: string, takenAt: string): Promise<Draft> {
  const file = draftPath(name, takenAt);
  const guard = <T>(work: () => T | Promise<T>): Promise<T> => inArchive(path.join(archive.folder, file), work);
  const { absolute, handle } = await guard(async () => {
    const absolute = makeWay(archive, file);
    return { absolute, handle: await open(absolute, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600) };
  });
  const { input, written } = compressInto(handle, archive.sealing);
  let isOpen = true;

  return {
    write: (chunk) =>
      guard(async () => {
        archive.probe('copying');
        if (input.write(Buffer.from(chunk))) return;
        await Promise.race([once(input, 'drain'), written]);
      }),
    finish: (mtimeMs) =>
      guard(async () => {
        input.end();
        await written;
        // A file system may know no such time: that is no reason to keep the file out.
        await handle.utimes(mtimeMs / 1000, mtimeMs / 1000).catch(() => undefined);
        await handle.sync();
        syncToDisk(path.dirname(absolute));
        archive.probe('copied');
      }),
    close: () =>
      guard(async () => {
        if (!isOpen) return;
        isOpen = false;
        input.destroy();
        await written.catch(() => undefined);
        await handle.close();
      }),
  };
}

/** What is written into `input` is written, compressed and sealed where there is a key, into the file; `written` says that all of it is. */
function compressInto(
  handle: FileHandle,
  sealing: Uint8Array | null,
): { input: zlib.ZstdCompress; written: Promise<void> } {
  const input = zlib.createZstdCompress(OPTIONS);
  const write = async (parts: AsyncIterable<Buffer>): Promise<void> => {
    for await (const part of parts) await writeAll(handle, part);
  };
  const written = sealing === null ? pipeline(input, write) : pipeline(input, createSealStream(sealing), write);
  // Whoever writes or finishes is told; until then it must not end the process.
  written.catch(() => undefined);
  return { input, written };
}

async function writeAll(handle: FileHandle, part: Buffer): Promise<void> {
  for (let at = 0; at < part.length;) at += (await handle.write(part, at)).bytesWritten;
}
