import type { Dataset } from '../model/feed.ts';
import { toJson } from '../output/json.ts';
import { printable } from '../output/terminal.ts';
import type { Dialect, ReadTotals, Table } from '../reader/types.ts';

/** How a file is written, in words. */
export function dialectText({ encoding, bom, delimiter, quote, escape, newline }: Dialect): string {
  const quoting =
    quote === null ? 'no quotes seen' : `quote ${quote}, ${escape === 'double' ? 'doubled' : 'backslash'}`;
  return `${encoding}${bom ? ' with a byte order mark' : ''}, delimiter ${toJson(delimiter)}, ${quoting}, ${newline}`;
}

/** The header, and the cells in it that the feed does not know. */
export function describeHeader({ header }: Table, dataset: Dataset | null): string {
  const where = header.line === 0 ? 'no header' : `header in line ${header.line}`;
  const what = dataset === null ? '' : ` of ${dataset.name}`;
  const unknown = header.extra.map((cell) => JSON.stringify(printable(cell))).join(', ');
  return `${where}${what}, ${header.cells.length} columns${unknown === '' ? '' : `, not known: ${unknown}`}`;
}

/** What became of the bytes of a file. */
export function describeTotals(totals: ReadTotals, refused: number): string {
  const { headerBytes, rowBytes, refusedBytes, skippedBytes, skippedLines } = totals;
  return (
    `${refused} rows refused, ${skippedLines} lines left out; ` +
    `bytes: header ${headerBytes}, rows ${rowBytes}, refused ${refusedBytes}, left out ${skippedBytes}`
  );
}
