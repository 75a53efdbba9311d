import { Writable } from 'node:stream';
import type { Output } from '../system/io.ts';

/** An output as a stream, for what wants one: it takes more when what was written has left the process. */
export function asStream(output: Output): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string | Buffer, _encoding, done) {
      output.write(text.toString(), done);
    },
  });
}
