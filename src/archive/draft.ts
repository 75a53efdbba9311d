import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Archive } from '../model/archive.ts';
import { createSealStream, seal } from '../protection/seal-stream.ts';
import { syncToDisk } from '../system/sync.ts';
import { systemCode } from '../system/system-error.ts';
import { inArchive, makeWay } from './archive.ts';
import { copyPath, draftPath } from './name.ts';

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

/** Level 1: 320 MB/s, a sixth of the size. The checksum tells a damaged copy from a sound one without the ledger. */
const PARAMS = { [LEVEL]: 1, [CHECKSUM]: 1 };

/** Up to so many bytes are compressed and written at once, at the end: a stream would cost a small file more than all the rest does. */
const WHOLE_BYTES = 256 * 1024;

const STREAM = {
  params: PARAMS,
  /** Bytes that may wait to be compressed: the reading goes on meanwhile. */
  highWaterMark: 4 * 1024 * 1024,
  /** Bytes that are written at a time. */
  chunkSize: 128 * 1024,
};

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;

/** As long as the SHA-256 that is known only when all is read. */
const NO_DIGEST = '0'.repeat(64);

const write = promisify(fs.write);
const sync = promisify(fs.fsync);

/**
 * Begins the copy of a content, under a name that no reader of the archive takes for a copy.
 * @param takenAt ISO 8601, UTC, with milliseconds
 * @throws ArchiveFault
 */
export async function openDraft(archive: Archive, name: string, takenAt: string): Promise<Draft> {
  const file = draftPath(name, takenAt);
  const guard = <T>(work: () => T | Promise<T>): Promise<T> => inArchive(path.join(archive.folder, file), work);
  const { absolute, fd } = await guard(() => {
    const absolute = makeWay(archive, file);
    // Longer than that of the draft: where the disk takes no such name nothing is to be committed.
    fs.lstatSync(path.join(archive.folder, copyPath(name, takenAt, NO_DIGEST)), { throwIfNoEntry: false });
    return { absolute, fd: fs.openSync(absolute, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600) };
  });
  const held: Buffer[] = [];
  let heldBytes = 0;
  let stream: CompressedStream | null = null;
  let isOpen = true;

  return {
    write: (chunk) =>
      guard(async () => {
        archive.probe('copying');
        heldBytes += chunk.length;
        held.push(Buffer.from(chunk));
        if (heldBytes <= WHOLE_BYTES) return;
        stream ??= compressInto(fd, archive.sealing);
        for (const part of held.splice(0)) await stream.write(part);
      }),
    finish: (mtimeMs) =>
      guard(async () => {
        if (stream === null) writeAll(fd, compressWhole(Buffer.concat(held), archive.sealing));
        else await stream.finish();
        setTime(fd, mtimeMs);
        await sync(fd);
        syncToDisk(path.dirname(absolute));
        archive.probe('copied');
      }),
    close: () =>
      guard(async () => {
        if (!isOpen) return;
        isOpen = false;
        await stream?.stop();
        fs.closeSync(fd);
      }),
  };
}

function compressWhole(bytes: Uint8Array, sealing: Uint8Array | null): Uint8Array {
  const compressed = zlib.zstdCompressSync(bytes, { params: PARAMS });
  return sealing === null ? compressed : seal(sealing, compressed);
}

/** What is written into it is written, compressed and sealed where there is a key, into a file. */
interface CompressedStream {
  write(chunk: Buffer): Promise<void>;
  finish(): Promise<void>;
  /** Leaves what is not written. */
  stop(): Promise<void>;
}

/** It is compressed in libuv's pool. */
function compressInto(fd: number, sealing: Uint8Array | null): CompressedStream {
  const input = zlib.createZstdCompress(STREAM);
  let writing: Promise<void> = Promise.resolve();
  const output = (parts: AsyncIterable<Buffer>): Promise<void> => (writing = writeParts(fd, parts));
  const written = sealing === null ? pipeline(input, output) : pipeline(input, createSealStream(sealing), output);
  // Whoever writes or finishes is told; until then it must not end the process.
  written.catch(() => undefined);
  return {
    async write(chunk) {
      if (!input.write(chunk)) await Promise.race([once(input, 'drain'), written]);
    },
    async finish() {
      input.end();
      await written;
    },
    async stop() {
      input.destroy();
      // No write may be under way when the file is closed: its number may then be that of another.
      await Promise.allSettled([written, writing]);
    },
  };
}

async function writeParts(fd: number, parts: AsyncIterable<Buffer>): Promise<void> {
  for await (const part of parts) for (let at = 0; at < part.length;) at += (await write(fd, part, at)).bytesWritten;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at);
}

/** A file system may know no such time: that is no reason to keep the file out. */
function setTime(fd: number, mtimeMs: number): void {
  try {
    fs.futimesSync(fd, mtimeMs / 1000, mtimeMs / 1000);
  } catch (error) {
    if (systemCode(error) === null) throw error;
  }
}
