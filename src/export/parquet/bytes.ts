const FIRST_BYTES = 4096;
/** Shorter texts are written letter by letter, which is faster than a call for each. */
const SHORT = 32;

/** Bytes that are added to; their room is kept when they are emptied. */
export interface Bytes {
  readonly length: number;
  putByte(value: number): void;
  putInt32(value: number): void;
  putInt64(value: number | bigint): void;
  putDouble(value: number): void;
  /** A whole number in two's complement, its highest byte first. */
  putBigEndian(value: bigint, bytes: number): void;
  /** A text in UTF-8 behind its length in four bytes. */
  putText(text: string): void;
  /** What is in it, until something is put in or it is emptied. */
  content(): Uint8Array;
  empty(): void;
}

/** Bytes in the order of Parquet: the lowest first. */
export function createBytes(): Bytes {
  let buffer = Buffer.allocUnsafe(FIRST_BYTES);
  let at = 0;
  const ensure = (more: number): void => {
    if (at + more <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + more));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  };
  return {
    get length() {
      return at;
    },
    putByte(value) {
      ensure(1);
      buffer[at++] = value;
    },
    putInt32(value) {
      ensure(4);
      at = buffer.writeInt32LE(value, at);
    },
    putInt64(value) {
      ensure(8);
      if (typeof value === 'bigint') {
        at = buffer.writeBigInt64LE(value, at);
        return;
      }
      const high = Math.floor(value / 0x1_0000_0000);
      buffer.writeUInt32LE(value - high * 0x1_0000_0000, at);
      at = buffer.writeInt32LE(high, at + 4);
    },
    putDouble(value) {
      ensure(8);
      at = buffer.writeDoubleLE(value, at);
    },
    putBigEndian(value, bytes) {
      ensure(bytes);
      let left = value;
      for (let place = at + bytes - 1; place >= at; place--) {
        buffer[place] = Number(left & 0xffn);
        left >>= 8n;
      }
      at += bytes;
    },
    putText(text) {
      ensure(4 + 3 * text.length);
      let end = at + 4;
      let short = text.length <= SHORT;
      for (let index = 0; short && index < text.length; index++) {
        const letter = text.charCodeAt(index);
        buffer[end++] = letter;
        short = letter < 0x80;
      }
      if (!short) end = at + 4 + buffer.write(text, at + 4, 'utf8');
      buffer.writeUInt32LE(end - at - 4, at);
      at = end;
    },
    content: () => buffer.subarray(0, at),
    empty() {
      at = 0;
    },
  };
}
