import crypto from 'node:crypto';
import fs from 'node:fs';
import { FileChanged } from '../model/errors.ts';
import type { Encoding } from '../model/feed.ts';
import { isStill } from '../landing/file-stat.ts';
import type { ListedFile } from '../model/listed-file.ts';

/** Bytes read from a file at a time. */
const CHUNK_BYTES = 1024 * 1024;

/** A file of the landing folder, opened to be read more than once and held against what was listed. */
export interface Source {
  /** The descriptor of its text: of the open file, or of what it was unpacked to. */
  readonly handle: number;
  /** Walks the whole file, as it was delivered, in chunks; each walk hashes what it reads. The chunk is only good until the next one. */
  walk(): SourceWalk;
  /** The same of its text. */
  walkText(): SourceWalk;
  /** From now on its text is what it was unpacked to; that is closed with it. */
  useText(text: { readonly handle: number; readonly bytes: number }): void;
  /** A row exactly as sent, without its line ending: text, or bytes where it is not text in the given encoding. */
  row(byteOffset: number, byteLength: number, encoding: Encoding): string | Uint8Array;
  /** @throws FileChanged when the open file or its path is no longer what was listed */
  requireUnchanged(): void;
  close(): void;
}

export interface SourceWalk {
  readonly chunks: Iterable<Uint8Array>;
  /** SHA-256 (hex) of what was walked, once `chunks` has ended. */
  digest(): string;
}

/**
 * Opens a listed file. Links are not followed, and a pipe is not waited for. One without a name is open already, and stays so.
 * @throws FileChanged when it is not the file that was listed; a node fs error when it cannot be opened
 */
export function openSource({ path, stat: listed, unnamed }: Pick<ListedFile, 'path' | 'stat' | 'unnamed'>): Source {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const handle = unnamed ?? fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  let text = { handle, bytes: listed.bytes };
  const closeText = (): void => {
    if (text.handle !== handle) fs.closeSync(text.handle);
  };
  const window = { start: 0, bytes: Buffer.alloc(0) };

  const source: Source = {
    get handle() {
      return text.handle;
    },
    walk: () => walkFile(handle, listed.bytes),
    walkText: () => walkFile(text.handle, text.bytes),
    useText(unpacked) {
      closeText();
      text = unpacked;
    },
    row(byteOffset, byteLength, encoding) {
      // Rows are asked for in file order: a window read ahead serves many of them with one system call.
      if (byteOffset < window.start || byteOffset + byteLength > window.start + window.bytes.length) {
        const bytes = Buffer.allocUnsafe(Math.max(byteLength, CHUNK_BYTES / 4));
        window.start = byteOffset;
        window.bytes = bytes.subarray(0, fs.readSync(text.handle, bytes, 0, bytes.length, byteOffset));
      }
      const at = byteOffset - window.start;
      return rowOf(window.bytes.subarray(at, at + byteLength), encoding);
    },
    requireUnchanged() {
      const open = fs.fstatSync(handle, { bigint: true });
      const named = unnamed === undefined ? fs.lstatSync(path, { bigint: true }) : open;
      if (!open.isFile() || !isStill(open, listed) || !isStill(named, listed)) {
        throw new FileChanged('it changed while it was read');
      }
    },
    close() {
      closeText();
      if (unnamed === undefined) fs.closeSync(handle);
    },
  };
  try {
    source.requireUnchanged();
  } catch (error) {
    source.close();
    throw error;
  }
  return source;
}

/**
 * Walks an open file from its beginning.
 * @param size what it is expected to hold, in bytes; its chunks throw FileChanged when there is more
 */
export function walkFile(handle: number, size: number): SourceWalk {
  const hash = crypto.createHash('sha256');
  return { chunks: readChunks(handle, size, hash), digest: () => hash.digest('hex') };
}

function* readChunks(handle: number, size: number, hash: crypto.Hash): Iterable<Uint8Array> {
  // No larger than the file, and a byte to see it grow: a fresh MiB for each of 10,000 small files keeps the collector busy.
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size + 1));
  let position = 0;
  for (;;) {
    const length = fs.readSync(handle, buffer, 0, buffer.length, position);
    if (length === 0) return;
    position += length;
    // Without this a writer that is as fast as the reader would keep it going for ever.
    if (position > size) throw new FileChanged('it grew while it was read');
    const chunk = buffer.subarray(0, length);
    hash.update(chunk);
    yield chunk;
  }
}

type Decoder = InstanceType<typeof TextDecoder>;

const decoders = new Map<Encoding, Decoder>();

function decoderOf(encoding: Encoding): Decoder {
  let decoder = decoders.get(encoding);
  if (decoder === undefined)
    decoders.set(encoding, (decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })));
  return decoder;
}

const LINE_END = /\r?\n$|\r$/;

/** A row without its line end. */
function rowOf(bytes: Uint8Array, encoding: Encoding): string | Uint8Array {
  try {
    return decoderOf(encoding).decode(bytes).replace(LINE_END, '');
  } catch {
    const unit = encoding.startsWith('utf-16') ? 2 : 1;
    const [end = ''] = LINE_END.exec(new TextDecoder(encoding).decode(bytes.subarray(-2 * unit))) ?? [];
    return Uint8Array.from(bytes.subarray(0, bytes.length - end.length * unit));
  }
}
