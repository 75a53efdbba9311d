import type { Output } from '../system/io.ts';
import { numberText } from './number-text.ts';
import { paint, printable, type Colour } from './terminal.ts';
import { widthOf, wrap } from './width.ts';

/** A cell: its text and, on a terminal, its colour. Numbers stand to the right. */
export interface Cell {
  readonly text: string | number;
  readonly colour?: Colour;
}

export type Row = readonly (Cell | string | number | null)[];

/** A column, or only its header: one that is always shown, and never broken. */
export type Column = string | ColumnInfo;

export interface ColumnInfo {
  readonly header: string;
  /** What a narrow terminal does without: the column with the highest number goes first. Absent: it stays. */
  readonly spare?: number;
  /** Where a narrow terminal does without it, it stands in front of the prose below its row. */
  readonly leads?: true;
  /** Where what must stay has no room beside it, it stands in a line of its own above its row, whole: a name is copied from there. */
  readonly above?: true;
  /** Prose, which may be broken into lines at its spaces, or stand below its row. */
  readonly prose?: true;
}

/**
 * Lays out rows: columns that fit on a terminal, else tab-separated lines under a header line, which `cut` and `awk` take.
 * Values are made printable; NULL is empty.
 */
export function layOut(output: Output, columns: readonly Column[], rows: readonly Row[]): string {
  const layout = startLayout(output, columns);
  return [layout.head, ...rows.flatMap((row) => [...layout.add(row)]), ...layout.end()].join('');
}

/**
 * Lays out rows as they come, as `layOut` does; on a terminal very many of them make several tables.
 * @param nothing the line that a terminal shows where there are no rows
 */
export async function* layOutPieces(
  output: Output,
  columns: readonly Column[],
  rows: AsyncIterable<Row>,
  nothing: string,
): AsyncGenerator<string, void> {
  const layout = startLayout(output, columns, `${nothing}\n`);
  yield layout.head;
  for await (const row of rows) yield* layout.add(row);
  yield* layout.end();
}

/** Widths are found for so many rows together, or for so many characters in them: a cell may be megabytes. */
const TOGETHER_ROWS = 500;
const TOGETHER_CHARACTERS = 1024 * 1024;

/** A layout that takes row after row and gives what is ready to be written. */
interface Layout {
  readonly head: string;
  add(row: Row): Iterable<string>;
  end(): Iterable<string>;
}

function startLayout(output: Output, columns: readonly Column[], nothing = ''): Layout {
  const infos = columns.map((column) => (typeof column === 'string' ? { header: column } : column));
  if (!output.isTTY) {
    return { head: tabbed(infos.map(({ header }) => header)), add: (row) => [tabbed(row)], end: () => [] };
  }
  let together: Row[] = [];
  let characters = 0;
  let isFirst = true;
  const flush = (): Iterable<string> => {
    const rows = together;
    together = [];
    characters = 0;
    isFirst = false;
    return table(output, infos, rows);
  };
  return {
    head: '',
    add(row) {
      together.push(row);
      for (const cell of row) characters += textOf(cell).length;
      return together.length < TOGETHER_ROWS && characters < TOGETHER_CHARACTERS ? [] : flush();
    },
    end: () => (together.length > 0 ? flush() : isFirst ? [nothing] : []),
  };
}

function tabbed(row: Row): string {
  return `${row.map((cell) => textOf(cell)).join('\t')}\n`;
}

/** Between two columns. */
const GAP = '  ';
/** Before a row that stands below its name. */
const ROW_INDENT = '  ';
/** Before prose that stands below its row. */
const INDENT = '    ';
/** Prose that has less room than this beside the other columns stands below its row. */
const NARROWEST_PROSE = 30;

function* table(output: Output, infos: readonly ColumnInfo[], rows: readonly Row[]): Generator<string, void> {
  const { above, beside, below, leading, missing } = fit(columnsOf(infos, rows), output.columns);
  const indent = above === null ? '' : ROW_INDENT;
  if (
    indent.length + widthOfAll(beside) > output.columns ||
    (below.length > 0 && output.columns < INDENT.length + NARROWEST_PROSE)
  ) {
    yield* fieldByField(output, infos, rows);
    return;
  }
  const line = (texts: readonly string[]): string => `${indent}${texts.join(GAP).trimEnd()}\n`;
  if (above !== null) yield `${paint(output, 'bold', above.header)}\n`;
  yield line(beside.map(({ header, width, right }) => paint(output, 'bold', padded(header, width, right))));
  yield line(beside.map(({ width }) => paint(output, 'dim', '─'.repeat(width))));
  for (const row of rows) {
    if (above !== null) yield `${paint(output, 'bold', textOf(row[above.index] ?? null))}\n`;
    const cells = beside.map((column) => linesOf(row, column));
    const height = cells.reduce((most, lines) => Math.max(most, lines.length), 1);
    for (let at = 0; at < height; at++) {
      yield line(
        beside.map(({ index, width, right }, column) =>
          painted(output, row[index] ?? null, padded(cells[column]?.[at] ?? '', width, right)),
        ),
      );
    }
    for (const [at, column] of below.entries()) {
      const cell = row[column.index] ?? null;
      const before = at === 0 ? leading.map(({ index }) => textOf(row[index] ?? null)) : [];
      const text = [...before, textOf(cell)].join(GAP);
      for (const part of wrap(text, column.width)) yield `${INDENT}${painted(output, cell, part)}\n`;
    }
  }
  if (missing.length === 0) return;
  const told = `Hidden at this width: ${missing.join(', ')}. Widen the terminal or use --json.`;
  for (const part of wrap(told, output.columns)) yield `${paint(output, 'dim', part)}\n`;
}

/** Where not even what must stay has room: a field a line, for the terminal to wrap, and a blank line between two rows. */
function* fieldByField(output: Output, infos: readonly ColumnInfo[], rows: readonly Row[]): Generator<string, void> {
  for (const [at, row] of rows.entries()) {
    if (at > 0) yield '\n';
    for (const [index, { header }] of infos.entries()) {
      const cell = row[index] ?? null;
      const text = textOf(cell);
      if (text !== '') yield `${paint(output, 'bold', header)}: ${painted(output, cell, text)}\n`;
    }
  }
}

/** A column as it is laid out. */
interface PlacedColumn extends ColumnInfo {
  /** Its index in a row. */
  readonly index: number;
  /** What it takes, or is given. */
  readonly width: number;
  /** Numbers only. */
  readonly right: boolean;
}

function columnsOf(infos: readonly ColumnInfo[], rows: readonly Row[]): readonly PlacedColumn[] {
  return infos.map((info, index) => ({
    ...info,
    index,
    width: rows.reduce((most, row) => Math.max(most, widthOf(textOf(row[index] ?? null))), info.header.length),
    right: rows.every((row) => typeof valueOf(row[index] ?? null) !== 'string'),
  }));
}

interface Fit {
  /** What stands in a line above each row. */
  readonly above: PlacedColumn | null;
  /** What stands beside each other. */
  readonly beside: readonly PlacedColumn[];
  /** The prose below each row. */
  readonly below: readonly PlacedColumn[];
  /** What stands in front of that. */
  readonly leading: readonly PlacedColumn[];
  /** The headers of what is left out, in the order of the columns. */
  readonly missing: readonly string[];
}

function widthOfAll(columns: readonly PlacedColumn[]): number {
  return columns.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length);
}

function fit(columns: readonly PlacedColumn[], available: number): Fit {
  const above = columns.find((column) => column.above === true) ?? null;
  const staying = columns.filter(({ prose, spare = 0 }) => prose !== true && spare === 0);
  if (above === null || widthOfAll(staying) <= available) return { above: null, ...fitBeside(columns, available) };
  const others = columns.filter((column) => column !== above);
  return { above, ...fitBeside(others, available - ROW_INDENT.length) };
}

function fitBeside(columns: readonly PlacedColumn[], available: number): Omit<Fit, 'above'> {
  const prose = columns.filter((column) => column.prose === true);
  let others = columns.filter((column) => column.prose !== true);
  for (;;) {
    const last = others.reduce((worst, { spare = 0 }) => Math.max(worst, spare), 0);
    if (last === 0 || widthOfAll(others) <= available) break;
    others = others.filter(({ spare = 0 }) => spare < last);
  }
  const room = available - widthOfAll(others) - GAP.length * prose.length;
  const wanted = prose.reduce((sum, { width }) => sum + width, 0);
  const hidden = columns.filter((column) => !prose.includes(column) && !others.includes(column));
  const leading = prose.length === 0 ? [] : hidden.filter((column) => column.leads === true);
  const missing = hidden.filter((column) => !leading.includes(column)).map(({ header }) => header);
  if (leading.length === 0 && (wanted <= room || (prose.length === 1 && room >= NARROWEST_PROSE))) {
    const placed = columns.filter((column) => !hidden.includes(column));
    return {
      beside: placed.map((column) =>
        column.prose === true ? { ...column, width: Math.min(column.width, room) } : column,
      ),
      below: [],
      leading,
      missing,
    };
  }
  const below = prose.map((column) => ({ ...column, width: Math.max(available - INDENT.length, NARROWEST_PROSE) }));
  return { beside: others, below, leading, missing };
}

/** A cell's text in lines; only prose has several. */
function linesOf(row: Row, { index, width, prose }: PlacedColumn): string[] {
  const text = textOf(row[index] ?? null);
  return prose === true ? [...wrap(text, width)] : [text];
}

function padded(text: string, width: number, right: boolean): string {
  const padding = ' '.repeat(Math.max(0, width - widthOf(text)));
  return right ? padding + text : text + padding;
}

function painted(output: Output, cell: Row[number], text: string): string {
  return isCell(cell) && cell.colour !== undefined ? paint(output, cell.colour, text) : text;
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
