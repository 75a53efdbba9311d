import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Transform } from 'node:stream';
import { derive } from './key.ts';

/** What a sealed stream begins with. */
export const SEALED_MAGIC = Buffer.from('LFA\x01', 'latin1');
const SALT = 16;
const HEAD = SEALED_MAGIC.length + SALT;
/** How much is sealed at once, in bytes: what is opened is whole before it is handed on. */
const PIECE = 64 * 1024;
const TAG = 16;

/** A sealed stream that was changed, cut short, or sealed under another key. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
}

/**
 * A stream that seals what goes through, in pieces of 64 KiB, each by AES-256-GCM under a key derived for this stream. The nonce of
 * a piece is its number and whether it is the last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), so that
 * pieces can be neither left out, nor swapped, nor cut off at the end unnoticed.
 * @param key `archive` of the protection key
 */
export function createSealStream(key: Uint8Array): Transform {
  const { head, pieces } = beginSeal(key);
  const stream = transformOf(pieces.add, pieces.end);
  stream.push(head);
  return stream;
}

/** What `createSealStream` makes of some bytes. */
export function seal(key: Uint8Array, bytes: Buffer): Buffer {
  const { head, pieces } = beginSeal(key);
  return Buffer.concat([head, ...pieces.add(bytes), pieces.end()]);
}

function beginSeal(key: Uint8Array): { head: Buffer; pieces: Pieces } {
  const salt = randomBytes(SALT);
  const own = derive(key, 'archive', 32, salt);
  const pieces = createPieces(PIECE, (piece, count, last) => {
    const cipher = createCipheriv('aes-256-gcm', own, nonceOf(count, last));
    return Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()]);
  });
  return { head: Buffer.concat([SEALED_MAGIC, salt]), pieces };
}

/**
 * A stream that opens what `createSealStream` has sealed. It fails with UnsealError.
 * @param key `archive` of the protection key
 */
export function createUnsealStream(key: Uint8Array): Transform {
  let head = Buffer.alloc(0);
  let pieces: Pieces | null = null;
  const add = (chunk: Buffer): readonly Buffer[] => {
    if (pieces !== null) return pieces.add(chunk);
    head = Buffer.concat([head, chunk]);
    if (head.length < HEAD) return [];
    if (!SEALED_MAGIC.equals(head.subarray(0, SEALED_MAGIC.length)))
      throw new UnsealError('it was not sealed by Landfall');
    const own = derive(key, 'archive', 32, head.subarray(SEALED_MAGIC.length, HEAD));
    pieces = createPieces(PIECE + TAG, (piece, count, last) => open(own, piece, nonceOf(count, last)));
    return pieces.add(head.subarray(HEAD));
  };
  const end = (): Buffer => {
    if (pieces === null) throw new UnsealError('it is cut short');
    return pieces.end();
  };
  return transformOf(add, end);
}

function open(key: Uint8Array, piece: Uint8Array, nonce: Uint8Array): Buffer {
  if (piece.length < TAG) throw new UnsealError('it is cut short');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAuthTag(piece.subarray(piece.length - TAG));
  const opened = decipher.update(piece.subarray(0, piece.length - TAG));
  try {
    return Buffer.concat([opened, decipher.final()]);
  } catch {
    throw new UnsealError('it was changed or cut short, or sealed under another key');
  }
}

/** 12 bytes: the piece's number, and 1 for the last. */
function nonceOf(count: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(count, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** What comes in chunks of any size, worked on in pieces of one size; the last, which may be empty, comes at the end. */
interface Pieces {
  readonly add: (chunk: Buffer) => readonly Buffer[];
  readonly end: () => Buffer;
}

function createPieces(size: number, work: (piece: Uint8Array, count: number, last: boolean) => Buffer): Pieces {
  let pending: Buffer[] = [];
  let bytes = 0;
  let count = 0;
  return {
    add(chunk) {
      pending.push(chunk);
      bytes += chunk.length;
      // A full piece waits for more: it may be the last.
      if (bytes <= size) return [];
      const all = Buffer.concat(pending);
      const whole = Math.ceil(all.length / size) - 1;
      const done = Array.from({ length: whole }, (_, at) =>
        work(all.subarray(at * size, (at + 1) * size), count++, false),
      );
      pending = [Buffer.from(all.subarray(whole * size))];
      bytes = all.length - whole * size;
      return done;
    },
    end: () => work(Buffer.concat(pending), count, true),
  };
}

/** A stream of functions that may throw. */
function transformOf(add: (chunk: Buffer) => readonly Buffer[], end: () => Buffer): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        for (const piece of add(chunk)) this.push(piece);
        done();
      } catch (error) {
        done(asError(error));
      }
    },
    flush(done) {
      try {
        done(null, end());
      } catch (error) {
        done(asError(error));
      }
    },
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
