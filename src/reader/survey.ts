import type { FeedFormat } from '../feed/types.ts';
import type { Surveyor } from './types.ts';

/** Collects what a file's bytes say as a whole; see `Survey`. What the format fixes is not looked for. */
export function createSurveyor(format: FeedFormat): Surveyor {
  let bytes = 0;
  const head: number[] = [];
  return {
    update(chunk) {
      for (let at = 0; head.length < 3 && at < chunk.length; at++) head.push(chunk[at] ?? 0);
      bytes += chunk.length;
    },
    finish() {
      const bom = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
      return { bytes, encoding: format.encoding ?? 'utf-8', bom, text: true };
    },
  };
}
