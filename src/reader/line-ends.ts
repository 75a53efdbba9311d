import type { Encoding } from '../model/feed.ts';
import type { Newline } from './types.ts';

/** The code unit at byte `at`, or -1 beyond the end. */
function unitAt(bytes: Buffer, at: number, encoding: Encoding): number {
  if (encoding === 'utf-16le') return at + 1 < bytes.length ? bytes.readUInt16LE(at) : -1;
  if (encoding === 'utf-16be') return at + 1 < bytes.length ? bytes.readUInt16BE(at) : -1;
  return bytes[at] ?? -1;
}

/** Bytes of a code unit. */
export function unitBytes(encoding: Encoding): 1 | 2 {
  return encoding === 'utf-16le' || encoding === 'utf-16be' ? 2 : 1;
}

/** Where each physical line of the bytes ends (LF, CR and CRLF all count). */
export function lineEnds(bytes: Buffer, encoding: Encoding): number[] {
  const ends: number[] = [];
  const step = unitBytes(encoding);
  for (let at = 0; at < bytes.length; at += step) {
    const code = unitAt(bytes, at, encoding);
    if (code === 10 || (code === 13 && unitAt(bytes, at + step, encoding) !== 10)) ends.push(at + step);
  }
  if (ends.at(-1) !== bytes.length && bytes.length > 0) ends.push(bytes.length);
  return ends;
}

/** The end of the last whole line in the first `limit` bytes, or 0. More bytes than `limit` are there to look at. */
export function lastLineEnd(bytes: Buffer, limit: number, encoding: Encoding, newline: Newline): number {
  const step = unitBytes(encoding);
  const head = bytes.subarray(0, limit - (limit % step));
  const lf = newline === 'cr' ? 0 : lastUnit(head, 10, encoding);
  if (newline === 'lf') return lf;
  if (newline === 'crlf')
    return lf > step && unitAt(head, lf - 2 * step, encoding) === 13 ? lf : lastCrlf(head, encoding);
  const tail = head.subarray(lf);
  let cr = lastUnit(tail, 13, encoding);
  // A carriage return whose line feed lies beyond the limit is no end yet.
  if (cr > 0 && newline === 'mixed' && unitAt(bytes, lf + cr, encoding) === 10) {
    cr = lastUnit(tail.subarray(0, cr - step), 13, encoding);
  }
  return lf + cr;
}

/** Behind the last code unit `code` (10 or 13), or 0. */
function lastUnit(bytes: Buffer, code: 10 | 13, encoding: Encoding): number {
  if (unitBytes(encoding) === 1) return bytes.lastIndexOf(code) + 1;
  const needle = String.fromCharCode(encoding === 'utf-16le' ? code : code << 8);
  const at = bytes.lastIndexOf(needle, undefined, 'utf16le');
  return at === -1 ? 0 : at + 2;
}

function lastCrlf(bytes: Buffer, encoding: Encoding): number {
  const step = unitBytes(encoding);
  for (let end = lastUnit(bytes, 10, encoding); end > 0; end = lastUnit(bytes.subarray(0, end - step), 10, encoding)) {
    if (end > step && unitAt(bytes, end - 2 * step, encoding) === 13) return end;
  }
  return 0;
}
