import { headerKey } from '../feed/header.ts';
import type { Dataset } from '../model/feed.ts';

/** So far down a header is looked for, in lines. */
const HEADER_WITHIN = 50;

/**
 * A file that looks like another and holds none of its values: every letter and digit is replaced, but for header cells that the dataset
 * knows. Bytes that are not UTF-8 are taken one by one.
 */
export function lookAlike(bytes: Uint8Array, dataset: Dataset): Buffer {
  const { text, encoding } = decode(bytes);
  const known = new Set(dataset.columns.flatMap(({ header, aliases }) => [header, ...aliases]).map(headerKey));
  const lines = text.split(/(\r\n|[\r\n])/);
  const header = headerLine(lines, known);
  const masked = lines.map((line, at) => (at === header ? maskHeader(line, known) : shapeOf(line)));
  return Buffer.from(masked.join(''), encoding);
}

function decode(bytes: Uint8Array): { text: string; encoding: 'utf8' | 'latin1' } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), encoding: 'utf8' };
  } catch {
    return { text: Buffer.from(bytes).toString('latin1'), encoding: 'latin1' };
  }
}

/** The line with the most cells that are known, two at least; -1: there is none. */
function headerLine(lines: readonly string[], known: ReadonlySet<string>): number {
  let best = { at: -1, cells: 1 };
  for (const [at, line] of lines.slice(0, 2 * HEADER_WITHIN).entries()) {
    const cells = cellsOf(line).filter((cell) => known.has(headerKey(cell))).length;
    if (cells > best.cells) best = { at, cells };
  }
  return best.at;
}

/** Cells and what stands between them, in turn. A blank parts no cells. */
function cellsOf(line: string): string[] {
  return line.split(/([^\p{L}\p{N}_ .#-]+)/u);
}

function maskHeader(line: string, known: ReadonlySet<string>): string {
  return cellsOf(line)
    .map((cell) => (known.has(headerKey(cell)) ? cell : shapeOf(cell)))
    .join('');
}

/** A text with every letter and digit replaced. A digit that stays a digit keeps a date or a number what it is to the eye, and no more. */
export function shapeOf(text: string): string {
  return text
    .replace(/[\p{Nd}\p{No}\p{Nl}]/gu, '1')
    .replace(/\p{Lu}/gu, 'X')
    .replace(/[\p{L}\p{M}]/gu, (letter) => (letter === 'X' ? 'X' : 'x'));
}
