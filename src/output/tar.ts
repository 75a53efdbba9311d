/** A file in an archive. */
export interface TarEntry {
  /** A path of at most 100 bytes, with slashes. */
  readonly name: string;
  readonly content: Uint8Array;
}

const BLOCK = 512;

/** Files as a tar archive (POSIX ustar), readable for their owner alone. */
export function tar(entries: readonly TarEntry[], modified: Date): Buffer {
  const parts = entries.flatMap(({ name, content }) => [
    header(name, content.length, modified),
    content,
    Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, bytes: number, modified: Date): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error('a name in an archive has at most 100 bytes');
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0);
  block.write(octal(0o600, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(bytes, 11), 124);
  block.write(octal(Math.floor(modified.getTime() / 1000), 11), 136);
  // The checksum is counted with blanks in its own place.
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\0', 257);
  block.write('00', 263);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
