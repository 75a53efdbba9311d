import { once } from 'node:events';
import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { FileRefused } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import { openUnnamedFile } from '../system/private-files.ts';
import { temporaryFolder } from '../system/temporary-folder.ts';
import type { Source } from './source.ts';

/** The limits of what a compressed file may swell to; tests take smaller ones. */
export const UNPACK_LIMITS = {
  /** In bytes, however large the file is. */
  mostBytes: 64 * 1024 ** 3,
  /** How many times as large as the file; tables come to 5 to 50 times. Up to `anyRatioBytes` it does not matter. */
  ratio: 200,
  anyRatioBytes: 64 * 1024 ** 2,
};

/** A text that is being unpacked into a private file, which has no name: however this process ends, it leaves nothing. */
export interface Unpacking {
  /** Adds bytes as delivered, which may change when this returns. @throws FileRefused `bad_gzip` */
  write(chunk: Uint8Array): Promise<void>;
  /** @returns the descriptor of the text, whoever has it closes it. @throws FileRefused `bad_gzip` */
  finish(): Promise<{ readonly handle: number; readonly bytes: number }>;
  /** Lets go of what was not finished. */
  drop(): void;
}

/** Whether a file of the feed comes compressed. */
export function isPacked(feed: Feed, name: string): boolean {
  return feed.compressed && name.endsWith('.gz');
}

/**
 * Begins to unpack a file.
 * @param delivered its size, in bytes
 */
export function createUnpacking(delivered: number): Unpacking {
  const handle = openUnnamedFile(temporaryFolder());
  const gunzip = zlib.createGunzip({ chunkSize: 256 * 1024 });
  let bytes = 0;
  let isOpen = true;
  const written = pipeline(gunzip, async (parts: AsyncIterable<Buffer>) => {
    for await (const part of parts) {
      bytes += part.length;
      requireBounded(bytes, delivered);
      for (let at = 0; at < part.length;) at += fs.writeSync(handle, part, at);
    }
  });
  // Whoever writes or finishes is told; until then it must not end the process.
  written.catch(() => undefined);

  return {
    async write(chunk) {
      try {
        if (!gunzip.write(Buffer.from(chunk))) await Promise.race([once(gunzip, 'drain'), written]);
      } catch (error) {
        throw asRefusal(error);
      }
    },
    async finish() {
      gunzip.end();
      try {
        await written;
      } catch (error) {
        throw asRefusal(error);
      }
      // Zlib leaves alone what stands behind the last member.
      if (gunzip.bytesWritten < delivered) throw damaged();
      isOpen = false;
      return { handle, bytes };
    },
    drop() {
      gunzip.destroy();
      if (isOpen) fs.closeSync(handle);
      isOpen = false;
    },
  };
}

/** Unpacks a file as a whole, for who does not look at it as it was delivered. @throws FileRefused `bad_gzip` */
export async function unpackSource(source: Source, delivered: number): Promise<void> {
  const unpacking = createUnpacking(delivered);
  try {
    for (const chunk of source.walk().chunks) await unpacking.write(chunk);
    source.useText(await unpacking.finish());
  } finally {
    unpacking.drop();
  }
}

function requireBounded(bytes: number, delivered: number): void {
  const { mostBytes, ratio, anyRatioBytes } = UNPACK_LIMITS;
  if (bytes > mostBytes) {
    const reason = `the compressed file swells to more than ${mostBytes / 1024 ** 3} GiB; send it in parts`;
    throw new FileRefused('bad_gzip', reason);
  }
  if (bytes > anyRatioBytes && bytes > delivered * ratio) {
    const reason = `the compressed file swells to more than ${ratio} times its size, as no table does; send it uncompressed if it is sound`;
    throw new FileRefused('bad_gzip', reason);
  }
}

/** Zlib's errors (https://zlib.net/manual.html#Constants) are the file's fault. */
function asRefusal(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'Z_BUF_ERROR')
    return new FileRefused('bad_gzip', 'the compressed file ends too early: the upload was probably cut off');
  return typeof code === 'string' && code.startsWith('Z_') ? damaged() : error;
}

function damaged(): FileRefused {
  return new FileRefused('bad_gzip', 'the file ends with .gz, and is no gzip file or is damaged');
}
