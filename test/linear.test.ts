import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../src/columns/column-type.ts';
import { PROTECTIONS } from '../src/columns/protections.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../src/columns/registry.ts';
import { createRowMapper, type MappingRules } from '../src/columns/row-mapper.ts';
import { csvLine } from '../src/output/csv.ts';
import { FileRefused } from '../src/model/errors.ts';
import { createRowFormat } from '../src/commands/preview-format.ts';
import { readFileName } from '../src/feed/file-name.ts';
import { headerKey } from '../src/feed/header.ts';
import { loadFeed } from '../src/feed/load.ts';
import { parse } from '../src/ingest/parse.ts';
import { isBlank } from '../src/reader/split.ts';
import { showExtra } from '../src/reader/extra-cells.ts';
import { guessType } from '../src/proposal/guess-type.ts';
import { checkHeader } from '../src/reader/check-header.ts';
import { columnNames, matchHeader } from '../src/reader/header.ts';
import { watchHeader } from '../src/reader/layout.ts';
import { SPARE_FIELDS } from '../src/reader/limits.ts';
import { countLines, lineAt } from '../src/reader/lines.ts';
import { findClose, splitRecord, type Syntax } from '../src/reader/split.ts';
import { createSurveyor } from '../src/reader/sniff.ts';
import { readTrailer } from '../src/reader/trailer.ts';
import { plainOutput, printable, printableJson } from '../src/output/terminal.ts';
import { captureIo } from './helpers/command-io.ts';
import { COLUMNS, feedFileName } from './helpers/feed-files.ts';
import { FEED_FILE, openDesk } from './helpers/ingest.ts';
import { slowest } from './helpers/slowest.ts';
import { datasetOf, FOUND, inChunks } from './reader/reading.ts';

const feed = loadFeed(FEED_FILE);
const [, visits = datasetOf('Visit', COLUMNS.Visit)] = feed.datasets;
const dataset = datasetOf('Visit', ['VisitID', 'PatientName', 'TotalCharge']);
/** A line is not split further. */
const MOST_FIELDS = dataset.columns.length + SPARE_FIELDS + 1;
const HEADER_CELLS = ['VisitID', 'PatientName', 'TotalCharge', 'Ward'];
const header = { cells: HEADER_CELLS, line: 1, fieldOf: [0, 1, 2], extra: ['Ward'] };

/** Maps a field of a type. */
function mapping(type: ColumnTypeName, rules: Partial<MappingRules>): (text: string) => unknown {
  const { examplesWith: parameters = {} }: ColumnType = COLUMN_TYPES[type];
  const mapper = createRowMapper(
    [{ header: 'Value', name: 'value', type, required: true, parameters }],
    { ...FOUND, ...rules },
    [0],
  );
  return (text) => mapper.map([text], []);
}

const FIELDS = (Object.keys(COLUMN_TYPES) as ColumnTypeName[]).flatMap(
  (type): [string, (text: string) => unknown][] => [
    [`a field of ${type}`, mapping(type, {})],
    [`a field of ${type}, by other rules`, mapping(type, { dateOrder: 'day-first', thousandsSeparator: true })],
  ],
);

function syntax(changes: Partial<Syntax>): Syntax {
  return { delimiter: '|', quote: '"', escape: 'double', longestQuoted: 65536, ...changes };
}

function unlessRefused(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
  }
}

/** All that looks at text from a file, a file's name or a kept row. */
const MATCHERS: Readonly<Record<string, (text: string) => unknown>> = {
  ...Object.fromEntries(FIELDS),
  'a trailer of one field': (text) => readTrailer([text], false),
  'a trailer of several fields': (text) => readTrailer(text.split('|', MOST_FIELDS), false),
  'the values of a trailer': (text) => readTrailer(['end', text], false),
  'the values of a sure trailer': (text) => readTrailer(['trailer', ...text.split('|', MOST_FIELDS)], true),
  'the key of a header cell': headerKey,
  'a header': (text) => matchHeader(text.split('|', MOST_FIELDS), dataset, columnNames(dataset)),
  'a header that is repeated': (text) => {
    unlessRefused(() => watchHeader(header, dataset).read(text.split('|', MOST_FIELDS), 2));
  },
  'a header of one cell more': (text) => {
    unlessRefused(() => watchHeader(header, dataset).read([...HEADER_CELLS, text], 2));
  },
  'a cell that no column takes': (text) =>
    showExtra(matchHeader([...HEADER_CELLS, text], dataset, columnNames(dataset)), {
      asWide: [[...HEADER_CELLS, `${text}x`]],
      count: 1,
      last: true,
    }),
  'a cell that may be a missing column': (text) => {
    const match = matchHeader(
      ['VisitID', 'TotalCharge', ...text.split('|', MOST_FIELDS)],
      dataset,
      columnNames(dataset),
    );
    unlessRefused(() => {
      checkHeader(match, 1, dataset);
    });
  },
  'blank fields': (text) => isBlank(text.split('|', MOST_FIELDS)),
  'a record': (text) => splitRecord(text, syntax({}), Infinity),
  'a record with apostrophes': (text) => splitRecord(text, syntax({ quote: "'" }), Infinity),
  'a record with backslashes': (text) => splitRecord(text, syntax({ escape: 'backslash' }), Infinity),
  'a record of a long delimiter': (text) => splitRecord(text, syntax({ delimiter: '||||||||||' }), Infinity),
  'the closing quote': (text) => findClose(text, 0, syntax({})),
  'the closing quote with backslashes': (text) => findClose(text, 0, syntax({ escape: 'backslash' })),
  'a line': (text) => [lineAt(text, 0, 'mixed'), lineAt(text, 0, 'crlf'), lineAt(text, 0, 'cr')],
  'the number of lines': (text) => countLines(text, 0, text.length, 'mixed'),
  'the number of lines of CRLF': (text) => countLines(text, 0, text.length, 'crlf'),
  'a file name': (text) => readFileName(feed, text),
  'a value that is masked': (text) => PROTECTIONS.mask.make()(text),
  'a value of which four characters are shown': (text) => PROTECTIONS.last4.make()(text),
  'a ZIP code that is cut': (text) => PROTECTIONS.zip3.make()(text),
  'a value whose type is guessed': (text) => guessType('seen', [text]),
};

function processorMs(act: () => unknown): number {
  const before = process.threadCpuUsage();
  act();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** What makes text from a file fit to be printed: each character may have to be replaced. */
const ESCAPES: Readonly<Record<string, (text: string) => unknown>> = {
  'a text for a terminal': printable,
  'CSV for a terminal': (text) => {
    plainOutput(captureIo({ terminal: true }).stdout).write(text);
  },
  JSON: printableJson,
  'a line of CSV': (text) => csvLine([text]),
};

/** What matching may take for 1 MiB, in ms; and escaping, where a busy machine must not count either. */
const MOST_MS = 100;
const MOST_ESCAPING_MS = 400;

describe('P7: matching on text from files takes time in proportion to its length', () => {
  test.each(Object.entries(MATCHERS))('%s', (_, match) => {
    const { ms, input } = slowest(match, MOST_MS, 1);
    expect(ms, `ms for ${input}`).toBeLessThan(MOST_MS);
  });

  test('a value with a fraction of a second that does not end, whose type is guessed', () => {
    expect(processorMs(() => guessType('seen', [`:11.${'0'.repeat(20_000)}1`]))).toBeLessThan(MOST_MS);
  });

  test('a trailer of a thousand cells with marks within their words', () => {
    const cells = ['eof', ...Array<string>(1000).fill(`1${'-'.repeat(990)}1`)];
    expect(processorMs(() => readTrailer(cells, false))).toBeLessThan(MOST_MS);
  });

  test('a line of millions of letters beyond Latin-1 is no trailer, and no error', () => {
    expect(readTrailer(['中'.repeat(8 * 1024 * 1024)], false)).toBeNull();
  });

  test('a text of millions of combining marks is taken, and no error', () => {
    const text = `a${'\u0301'.repeat(8 * 1024 * 1024)}`;
    expect(mapping('text', {})(text)).toBeNull();
  });

  test.each(Object.entries(ESCAPES))('and so does escaping: %s', (_, escape) => {
    const { ms, input } = slowest(escape, MOST_ESCAPING_MS, 1);
    expect(ms, `ms for ${input}`).toBeLessThan(MOST_ESCAPING_MS);
  });
});

const MIB = 1024 * 1024;
const HEADER = COLUMNS.Visit.join('|');
const ROW = 'V1|P1|M1|Name|2020-01-31|555|Road 1|T|2026-01-31|2026-02-01|F|P|12.00|ok';
const WIDE = Array.from({ length: 1000 }, (_, index) => `X${index}`).join('|');
const times = (text: string, bytes = MIB): string => text.repeat(Math.ceil(bytes / text.length));
const rowWith = (column: string, value: string): string =>
  ROW.split('|')
    .with((COLUMNS.Visit as readonly string[]).indexOf(column), value)
    .join('|');

/** Files of 1 MiB that reading may stumble over, by what they hold. */
const FILES: Readonly<Record<string, () => string>> = {
  'a row of underscores and a digit': () => `${HEADER}\n${ROW}\n${times('_')}1|x\n`,
  'a trailer of spaces': () => `${HEADER}\n${ROW}\nend|x${times(' ')}y\n${ROW}\n`,
  'an amount of zeros': () => `${HEADER}\n${rowWith('TotalCharge', `${times('0')}.5.5`)}\n`,
  'a name of marks': () => `${HEADER}\n${rowWith('PatientName', `a${times('\u0301\u0316')}`)}\n`,
  'a key of marks': () => `${HEADER}\n${rowWith('VisitID', `end${times('\u0301\u0316')}`)}\n`,
  'a date of spaces': () => `${HEADER}\n${rowWith('VisitDate', `2026-08-01 ${times(' ')}x`)}\n`,
  'a title of spaces': () => `end${times(' ')}x\n${HEADER}\n${ROW}\n`,
  'a title of everything': () => `${times("y|,;\t^~'\\'\\\"", MIB / 2)}\n${HEADER}\n${ROW}\n${times('|', MIB / 2)}\n`,
  'a header of marks': () => `${HEADER}|a${times('\u0301\u0316', 50_000)}\n${times(`${ROW}|x\n`)}`,
  'a header of unknown cells': () => `VisitID|VisitType${times('|VisitDatf', 60_000)}\n${times(`${ROW}\n`)}`,
  'headers repeated, each with another cell': () =>
    `${HEADER}\n${Array.from({ length: 6000 }, (_, index) => `${HEADER}|Ward${index}x\n${ROW}|x\n`).join('')}`,
  'a wide header that is repeated': () => {
    const blank = '|'.repeat(30_000);
    return `${HEADER}${blank}\n${ROW}${blank}\n${times(`${COLUMNS.Visit.toReversed().join('|')}${blank}\n`)}`;
  },
  'a row of delimiters': () => `${HEADER}\n${times('|')}\n`,
  'a row of delimiters behind a quote': () => `${HEADER}\n"a"${times('|b')}\n`,
  'a row of quotes': () => `${HEADER}\n${times('"')}\n`,
  'a row of quoted fields': () => `${HEADER}\n${times('"a"b|')}\n`,
  'a quoted field of backslashes': () => `${HEADER}\n|"\\"${times('\\')}"\n`,
  'quotes that go on in every line': () => `${HEADER}\n${times('x"|"\n', MIB / 4)}`,
  'quotes that go on in every line, under a wide header': () =>
    `${HEADER}|${WIDE}\n${'|'.repeat(1013)}x\n${times('x"|"\n', MIB / 16)}`,
  'line feeds where rows end in CRLF': () => `${HEADER}\r\n${`${ROW}\r\n`.repeat(99)}${times('a|b\n', MIB / 4)}`,
  'line feeds in wide rows where rows end in CRLF': () =>
    `${HEADER}\r\n${`${ROW}\r\n`.repeat(99)}${times(`${`${'|'.repeat(600)}\n`.repeat(98)}x\r\n`)}`,
  'blank lines behind trailers': () => `${HEADER}\n${times(`end${'\n'.repeat(60_000)}x|y\n`, MIB / 4)}`,
};

/** Processor time in ms: many times what plain rows take, a small part of what is quadratic. */
const MOST_READING_MS = 2000;

test('P7: header cells of one name are numbered in time that grows with their number', () => {
  const cells = Array<string>(30_000).fill('x');
  expect(processorMs(() => createRowFormat('ndjson', cells, []))).toBeLessThan(MOST_MS);
});

describe('P7: no file of 1 MiB keeps the feed', () => {
  test.each(Object.entries(FILES))('%s', (_, content) => {
    const bytes = Buffer.from(content());
    const before = process.threadCpuUsage();
    read(bytes);
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(MOST_READING_MS);
  });

  test('a file that has lines of all these kinds goes in', async () => {
    const odd = Object.values(FILES).flatMap((content) => content().split('\n').slice(1, 3));
    const rows = Array.from({ length: 2 * odd.length }, (_, index) => rowWith('VisitID', `V${index}`));
    const desk = openDesk();
    const file = desk.write(feedFileName('Visit', '20260801_060000'), [HEADER, ...rows, ...odd].join('\n'));
    const before = process.threadCpuUsage();
    const outcome = await desk.ingest(file);
    const { user, system } = process.threadCpuUsage(before);
    expect(outcome.kind).toBe('ingested');
    expect((user + system) / 1000).toBeLessThan(MOST_READING_MS);
  });
});

function read(bytes: Uint8Array): void {
  const chunks = inChunks(bytes, MIB);
  const surveyor = createSurveyor(feed.format);
  for (const chunk of chunks) surveyor.update(chunk);
  const options = {
    dataset: visits,
    format: feed.format,
    survey: surveyor.finish(),
    rowFormat: 'sqlite',
    takenAt: new Date(),
  } as const;
  unlessRefused(() => {
    parse(chunks, options).forEach(() => undefined);
  });
}
