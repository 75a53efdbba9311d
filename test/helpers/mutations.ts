import { loadFeed } from '../../src/feed/load.ts';
import { MARKER, MARKER_YEAR } from './billing.ts';
import { COLUMNS, type DatasetName, type Row } from './feed-files.ts';
import { FEED_FILE } from './ingest.ts';
import { createRandom } from './random.ts';

/** Rows of which every value holds a marker (see billing.ts), whatever its type; the keys are `keyOf` their numbers. */
export function markedRows(dataset: DatasetName, count: number, keyOf = markedKey): Row[] {
  const columns = loadFeed(FEED_FILE).datasets.find((one) => one.name === dataset)?.columns ?? [];
  return Array.from({ length: count }, (_, at) =>
    Object.fromEntries(
      columns.map(({ header, type }, index) => {
        const date = `${MARKER_YEAR}-0${1 + (at % 9)}-1${index % 10}`;
        const text = `${MARKER} ${header} ${at % 3}`;
        const values = { id: `${MARKER}${index}${at}`, code: MARKER, text, money: `${MARKER_YEAR}0${at}.11`, date };
        return [header, index === 0 ? keyOf(at) : values[type as keyof typeof values]];
      }),
    ),
  );
}

/** A key that is a word. */
export function markedKey(at: number): string {
  return `${MARKER}K${1000 + at}`;
}

/** A key that could be a count. */
export function markedNumber(at: number): string {
  return `${MARKER_YEAR}0${1000 + at}`;
}

/** Ways in which a file may be spoilt between the system that wrote it and the landing folder: by name, what they make of its text. */
export const MUTATIONS: Readonly<Record<string, (text: string) => string>> = {
  'every second line end is a delimiter': (text) => joinLines(text, (line) => line % 2 === 0, '|'),
  'every second line end is a delimiter, from the first row': (text) => joinLines(text, (line) => line % 2 === 1, '|'),
  'two of three line ends are delimiters': (text) => joinLines(text, (line) => line % 3 < 2, '|'),
  'all line ends are delimiters': (text) => joinLines(text, () => true, '|'),
  'every second line end is dropped': (text) => joinLines(text, (line) => line % 2 === 0, ''),
  'every second line end is a tab': (text) => joinLines(text, (line) => line % 2 === 0, '\t'),
  'the first line end is a delimiter': (text) => joinLines(text, (line) => line === 0, '|'),
  'the first line end is dropped': (text) => joinLines(text, (line) => line === 0, ''),
  'the first line ends and a few more are delimiters': (text) => joinLines(text, (line) => line % 5 === 0, '|'),
  'every delimiter is a line end': (text) => text.replaceAll('|', '\n'),
  'every seventh delimiter is a line end': (text) => replaceEach(text, '|', 7, '\n'),
  'delimiters and line ends have changed places': (text) =>
    text.replace(/[|\n]/g, (char) => (char === '|' ? '\n' : '|')),
  'the header goes on into the first row': (text) =>
    breakAfter(
      joinLines(text, (line) => line === 0, '|'),
      2,
    ),
  'every line goes on into the next one': (text) => shiftLines(text, 2),
  'every second quote is dropped': (text) => replaceEach(text, '"', 2, ''),
  'one quote is dropped': (text) => replaceEach(text, '"', 3, '', 1),
  'all quotes are dropped': (text) => text.replaceAll('"', ''),
  'the header stands between the rows': (text) => moveHeader(text, 3),
  'the header stands between joined rows': (text) => joinLines(moveHeader(text, 4), (line) => line < 4, '|'),
  'the header is the last line': (text) => moveHeader(text, Infinity),
  'the header is gone': (text) => text.slice(text.indexOf('\n') + 1),
  'the header comes again, with a row behind it': (text) => `${text}${joinLines(text, (line) => line === 0, '|')}`,
  'the header comes again, with the beginning of a row behind it': (text) =>
    `${text}${breakAfter(
      joinLines(text, (line) => line === 0, '|'),
      2,
    )}`,
  'the header comes again at the end, with the beginning of a row behind it': (text) =>
    `${text}${headerAndFields(text, 2)}`,
};

/** The header of a file, without a line end, and the first fields of its first row. */
export function headerAndFields(text: string, fields: number): string {
  return (
    breakAfter(
      joinLines(text, (line) => line === 0, '|'),
      fields,
    ).split('\n')[0] ?? ''
  );
}

/** What may stand alone at the end of a file when its last row is broken, before a number that is a value of it. */
export const TRAILER_WORDS = ['records ', 'trailer ', 'count: ', 'EOF|', 'rows|', 'end '] as const;

/** A text of which some line ends are delimiters, some delimiters line ends, and some quotes are gone. */
export function spoilAtRandom(text: string, seed: number): string {
  const random = createRandom(seed);
  const shares = { '\n': random.below(10) / 10, '|': random.below(3) / 30, '"': random.below(5) / 10 };
  return text.replace(/[|\n"]/g, (char) => {
    if (!random.chance(shares[char as keyof typeof shares])) return char;
    return char === '\n' ? '|' : char === '|' ? '\n' : '';
  });
}

/** A file in which names and descriptions are quoted and hold quotes and delimiters, so that there is something to be lost. */
export function quotedFileText(dataset: DatasetName, rows: readonly Row[]): string {
  const quoted = (column: string, value: string): string =>
    /Name|Description/.test(column) ? `"${value}, ""Sr"" | x"` : value;
  const line = (row: Row): string => COLUMNS[dataset].map((column) => quoted(column, row[column] ?? '')).join('|');
  return `${[COLUMNS[dataset].join('|'), ...rows.map(line)].join('\n')}\n`;
}

/** Puts `glue` in the place of the line ends that are chosen by the number of their line, from 0. */
function joinLines(text: string, chosen: (line: number) => boolean, glue: string): string {
  const lines = text.split('\n');
  const last = lines.length - 1;
  return lines.map((line, at) => line + (at === last ? '' : chosen(at) && at < last - 1 ? glue : '\n')).join('');
}

function replaceEach(text: string, what: string, each: number, by: string, most = Infinity): string {
  let seen = 0;
  return text.replaceAll(what, (found) => (++seen % each === 0 && seen / each <= most ? by : found));
}

/** Breaks the first line that holds a header and more, so many fields behind the header. */
function breakAfter(text: string, fields: number): string {
  const [first = '', ...rest] = text.split('\n');
  const cells = first.split('|');
  const width = cells.findIndex((cell) => cell.includes(MARKER) || cell.includes(MARKER_YEAR)) + fields;
  return [cells.slice(0, width).join('|'), cells.slice(width).join('|'), ...rest].join('\n');
}

/** Every line ends so many fields too late. */
function shiftLines(text: string, fields: number): string {
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('|'));
  return lines
    .map((cells, at) => [...cells.slice(at === 0 ? 0 : fields), ...(lines[at + 1] ?? []).slice(0, fields)].join('|'))
    .join('\n');
}

function moveHeader(text: string, to: number): string {
  const [header = '', ...rows] = text.trimEnd().split('\n');
  return `${[...rows.slice(0, to), header, ...rows.slice(to)].join('\n')}\n`;
}
