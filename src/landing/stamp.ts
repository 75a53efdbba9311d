import type { FileStat } from '../model/ledger.ts';

/** The stamp of a file whose name has none: its time of change, as the sender's system or the upload has set it. */
export function stampOfChange({ mtimeNs }: Pick<FileStat, 'mtimeNs'>): string {
  return `${new Date(Number(mtimeNs / 1_000_000n)).toISOString().slice(0, 19)}Z`;
}
