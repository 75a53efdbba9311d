import type { Allocate } from './store.ts';

/** Bytes that are written one behind the other: whoever writes reserves room, and moves the end on. */
export interface ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  end: number;
}

const FIRST_BYTES = 16 * 1024;

/** An empty one. */
export function createByteWriter(): ByteWriter {
  return { bytes: new Uint8Array(FIRST_BYTES), end: 0 };
}

/** Makes sure that `more` bytes fit behind the end. */
export function reserve(writer: ByteWriter, more: number): void {
  const { bytes, end } = writer;
  if (end + more <= bytes.length) return;
  writer.bytes = new Uint8Array(Math.max(bytes.length * 2, end + more));
  writer.bytes.set(bytes.subarray(0, end));
}

/** What was written, in memory from `allocate`. */
export function copyBytes({ bytes, end }: ByteWriter, allocate: Allocate): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(allocate(end), 0, end);
  copy.set(bytes.subarray(0, end));
  return copy;
}
