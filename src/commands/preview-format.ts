import type { ReadEvent } from '../reader/types.ts';
import { toJson } from '../output/json.ts';
import { printable } from '../output/terminal.ts';
import { csvLine } from '../output/csv.ts';

export const PREVIEW_FORMATS = ['table', 'csv', 'ndjson'] as const;
export type PreviewFormat = (typeof PREVIEW_FORMATS)[number];

/** How a table is written out: what stands above its rows, and each row. */
export interface RowFormat {
  readonly head: string;
  readonly row: (event: ReadEvent) => string;
}

/** A column of the table format is no wider than this; a longer value stands out, it is not cut. */
const WIDEST = 40;

/**
 * Makes a format for a table.
 * @param cells its header
 * @param first its first rows, by which columns are aligned
 * @param columns of the terminal: a table that is wider is shown a field a line; null: it may be as wide as it is
 */
export function createRowFormat(
  format: PreviewFormat,
  cells: readonly string[],
  first: readonly ReadEvent[],
  columns: number | null = null,
): RowFormat {
  switch (format) {
    case 'csv':
      return { head: csvLine(cells), row: (event) => csvLine(event.fields) };
    case 'ndjson':
      return ndjson(uniqueNames(cells));
    case 'table':
      return aligned(cells, first, columns);
  }
}

function ndjson(names: readonly string[]): RowFormat {
  return {
    head: '',
    row: (event) => {
      const { line, fields } = event;
      const content =
        event.kind === 'row'
          ? { line, row: Object.fromEntries(names.map((name, index) => [name, fields[index] ?? ''])) }
          : { line, refused: event.code, fields };
      return `${toJson(content)}\n`;
    },
  };
}

/** Header cells as names of JSON fields: an empty one is named by its place, a repeated one numbered. */
function uniqueNames(cells: readonly string[]): string[] {
  const names = new Set<string>();
  const next = new Map<string, number>();
  for (const [index, cell] of cells.entries()) {
    const name = cell.trim() === '' ? `field_${index + 1}` : cell.trim();
    let unique = name;
    let n = next.get(name) ?? 2;
    for (; names.has(unique); n++) unique = `${name}_${n}`;
    next.set(name, n);
    names.add(unique);
  }
  return [...names];
}

/** Between two columns. */
const GAP = '  ';
/** For the number of the line, and the mark of a refused one. */
const LINE_COLUMNS = 8;

function aligned(cells: readonly string[], first: readonly ReadEvent[], columns: number | null): RowFormat {
  const widths = cells.map((cell, index) => {
    const texts = [cell, ...first.map((event) => event.fields[index] ?? '')];
    return Math.min(WIDEST, Math.max(...texts.map((text) => printable(text).length)));
  });
  const width = widths.reduce((sum, each) => sum + GAP.length + each, LINE_COLUMNS);
  if (columns !== null && width > columns) return expanded(cells);
  const layOut = (line: string, fields: readonly string[]): string =>
    `${[line.padStart(LINE_COLUMNS), ...fields.map((field, index) => printable(field).padEnd(widths[index] ?? 0))].join(GAP).trimEnd()}\n`;
  const rule = widths.map((width) => '-'.repeat(width));
  return {
    head: layOut('line', cells) + layOut('-'.repeat(LINE_COLUMNS), rule),
    row: (event) => layOut(event.kind === 'row' ? `${event.line}` : `! ${event.line}`, event.fields),
  };
}

/** A field a line, its name before it: for a table that is wider than the terminal. */
function expanded(cells: readonly string[]): RowFormat {
  const names = cells.map((cell) => printable(cell));
  const width = names.reduce((most, name) => Math.max(most, name.length), 0);
  return {
    head: '',
    row: ({ kind, line, fields }) => {
      const shown = fields.map(
        (field, index) => `${GAP}${(names[index] ?? '').padEnd(width)}${GAP}${printable(field)}`,
      );
      return [kind === 'row' ? `line ${line}` : `! line ${line}`, ...shown.map((each) => each.trimEnd()), ''].join(
        '\n',
      );
    },
  };
}
