import Table from 'cli-table3';
import type { Output } from '../system/io.ts';
import { paint, printable, type Colour } from './terminal.ts';
import { numberText } from './number-text.ts';

/** A cell: its text and, on a terminal, its colour. Numbers stand to the right. */
export interface Cell {
  readonly text: string | number;
  readonly colour?: Colour;
}

export type Row = readonly (Cell | string | number | null)[];

/**
 * Lays out rows: a table with rules on a terminal, else tab-separated lines under a header line, which `cut` and `awk` take.
 * Values are made printable; NULL is empty.
 */
export function layOut(output: Output, headers: readonly string[], rows: readonly Row[]): string {
  const layout = startLayout(output, headers);
  return [layout.head, ...rows.flatMap((row) => [...layout.add(row)]), ...layout.end()].join('');
}

/** Lays out rows as they come, as `layOut` does; on a terminal very many of them make several tables. */
export async function* layOutPieces(
  output: Output,
  headers: readonly string[],
  rows: AsyncIterable<Row>,
): AsyncGenerator<string, void> {
  const layout = startLayout(output, headers);
  yield layout.head;
  for await (const row of rows) yield* layout.add(row);
  yield* layout.end();
}

/** Widths are found for so many rows together, or for so many characters in them: a cell may be megabytes. */
const TOGETHER_ROWS = 500;
const TOGETHER_CHARACTERS = 1024 * 1024;

/** A table has no more lines than this: the time that its library takes grows with their square. */
const TABLE_LINES = 500;

/** A layout that takes row after row and gives what is ready to be written. */
interface Layout {
  readonly head: string;
  add(row: Row): Iterable<string>;
  end(): Iterable<string>;
}

function startLayout(output: Output, headers: readonly string[]): Layout {
  if (!output.isTTY) return { head: tabbed(headers), add: (row) => [tabbed(row)], end: () => [] };
  let together: Row[] = [];
  let characters = 0;
  let isFirst = true;
  const flush = (): Iterable<string> => {
    const rows = together;
    together = [];
    characters = 0;
    isFirst = false;
    return tables(output, headers, rows);
  };
  return {
    head: '',
    add(row) {
      together.push(row);
      for (const cell of row) characters += textOf(cell).length;
      return together.length < TOGETHER_ROWS && characters < TOGETHER_CHARACTERS ? [] : flush();
    },
    end: () => (together.length > 0 || isFirst ? flush() : []),
  };
}

function tabbed(row: Row): string {
  return `${row.map((cell) => textOf(cell)).join('\t')}\n`;
}

function* tables(output: Output, headers: readonly string[], rows: readonly Row[]): Generator<string, void> {
  const numeric = headers.map((_, index) => rows.every((row) => typeof valueOf(row[index] ?? null) !== 'string'));
  const widths = widthsOf(headers, rows, output.columns);
  const begin = (): InstanceType<typeof Table> =>
    new Table({
      head: headers.map((header) => paint(output, 'bold', header)),
      colAligns: numeric.map((right) => (right ? 'right' : 'left')),
      style: { head: [], border: [], compact: true },
    });
  let table = begin();
  for (const line of linesOf(rows, widths, output)) {
    if (table.length >= TABLE_LINES) {
      yield `${table.toString()}\n`;
      table = begin();
    }
    table.push(line);
  }
  yield `${table.toString()}\n`;
}

/** Rows in lines that fit: broken here, since the table's own wrapping counts colours as letters, and takes hours for long cells. */
function* linesOf(rows: readonly Row[], widths: readonly number[], output: Output): Generator<string[], void> {
  for (const row of rows) {
    const cells = row.map((cell, index) => broken(cell, widths[index] ?? NARROWEST, output));
    const height = cells.reduce((most, lines) => Math.max(most, lines.length), 1);
    for (let line = 0; line < height; line++) yield cells.map((lines) => lines[line] ?? '');
  }
}

/** A cell's text in lines of so many characters at most, each in the cell's colour. */
function broken(cell: Row[number], width: number, output: Output): string[] {
  const lines = textOf(cell).match(new RegExp(`.{1,${width}}`, 'gu')) ?? [];
  const colour = isCell(cell) ? cell.colour : undefined;
  return colour === undefined ? lines : lines.map((line) => paint(output, colour, line));
}

/** No column is broken narrower than this, half a file name: the terminal then has to wrap. */
const NARROWEST = 28;
/** Two spaces and a rule. */
const PADDING = 3;

/** The width of each column: what it needs, or less for the widest where the terminal is too narrow. */
function widthsOf(headers: readonly string[], rows: readonly Row[], available: number): number[] {
  const needs = headers.map((header, index) =>
    Math.max(header.length, ...rows.map((row) => textOf(row[index] ?? null).length)),
  );
  for (;;) {
    const total = needs.reduce((sum, width) => sum + width + PADDING, 1);
    const widest = needs.indexOf(Math.max(...needs));
    const width = needs[widest];
    if (total <= available || width === undefined || width <= NARROWEST) break;
    needs[widest] = Math.max(NARROWEST, width - (total - available), ...needs.filter((other) => other < width));
  }
  return needs;
}

function isCell(cell: Row[number]): cell is Cell {
  return typeof cell === 'object' && cell !== null;
}

function valueOf(cell: Row[number]): string | number | null {
  return isCell(cell) ? cell.text : cell;
}

function textOf(cell: Row[number]): string {
  const value = valueOf(cell);
  if (typeof value === 'number') return numberText(value);
  return value === null ? '' : printable(value);
}
