import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/reader/limits.ts';
import { datasetOf, FOUND, inChunks, readChunks, type Reading } from './reading.ts';
import { encode, NEWLINES, tables, writeRecord, writeTable, writings, type Writing } from './writing.ts';

function byCsvParse(text: string, { delimiter, quote, escape, newline }: Writing): string[][] {
  return parse(text, {
    delimiter,
    quote,
    escape: escape === 'double' ? quote : '\\',
    record_delimiter: NEWLINES[newline],
  });
}

/** The rows without the header, which all split well. */
function rowsOf({ events }: Reading): (readonly string[])[] {
  expect(events.filter((event) => event.kind === 'refused').map(({ line, code }) => [line, code])).toEqual([]);
  return events.map((event) => event.fields);
}

/** Rows lie side by side behind the header and hold the bytes that were written for them. */
function expectBytes({ events, totals }: Reading, records: string[][], writing: Writing, bytes: Buffer): void {
  let at = totals.skippedBytes + totals.headerBytes;
  for (const [index, event] of events.entries()) {
    const last = index === events.length - 1 && !writing.lastNewline;
    const text = writeRecord(records[index + 1] ?? [], writing) + (last ? '' : NEWLINES[writing.newline]);
    expect(event.byteOffset).toBe(at);
    const raw = bytes.subarray(at, at + event.byteLength);
    expect(raw.equals(encode(text, { ...writing, bom: false }))).toBe(true);
    at += event.byteLength;
  }
  expect(at).toBe(bytes.length);
}

const sizes = fc.record({ chunk: fc.integer({ min: 1, max: 40 }), block: fc.integer({ min: 1, max: 200 }) });

describe('against csv-parse', () => {
  test('a given dialect: every well-formed table is read as csv-parse reads it, byte for byte', () => {
    fc.assert(
      fc.property(tables, writings, sizes, (records, writing, { chunk, block }) => {
        const text = writeTable(records, writing);
        const bytes = encode(text, writing);
        const { delimiter, quote, escape, encoding, newline } = writing;
        const options = {
          dataset: datasetOf('Visit', records[0] ?? []),
          format: { ...FOUND, delimiter, quote, escape, encoding },
          newline,
        };
        const reading = readChunks(inChunks(bytes, chunk), options, { ...LIMITS, blockBytes: block });
        const oracle = byCsvParse(text, writing);
        expect(oracle).toEqual(records);
        expect([reading.table.header.cells, ...rowsOf(reading)]).toEqual(oracle);
        expectBytes(reading, records, writing, bytes);
      }),
      { numRuns: 300 },
    );
  });

  test('a dialect that is found, with the header of the dataset to go by', () => {
    fc.assert(
      fc.property(tables, writings, (records, random) => {
        // What a file does not show cannot be found: its quotes and escapes are the usual ones.
        const writing: Writing = { ...random, quote: '"', escape: 'double' };
        const text = writeTable(records, writing);
        // Nor can Windows-1252 be told from UTF-8 where there is no accent.
        const reading = readChunks([encode(text, writing)], {
          dataset: datasetOf('Visit', records[0] ?? []),
          format: { ...FOUND, escape: 'double', quote: '"' },
        });
        expect([reading.table.header.cells, ...rowsOf(reading)]).toEqual(byCsvParse(text, writing));
        expect(reading.table.dialect.delimiter).toBe(writing.delimiter);
      }),
      { numRuns: 300 },
    );
  });

  test('quotes and escapes that are found, where the file shows them', () => {
    fc.assert(
      fc.property(tables, writings, (records, writing) => {
        // A row that only one way of quoting splits well, beside rows that all ways do.
        const count = records[0]?.length ?? 0;
        const telling = ['K', `x${writing.quote}${writing.delimiter}y`, ...Array<string>(count - 2).fill('')];
        const plain = Array.from({ length: 3 }, (_, index) => [`P${index}`, ...Array<string>(count - 1).fill('z')]);
        const all = [records[0] ?? [], telling, ...plain];
        const text = writeTable(all, { ...writing, encoding: 'utf-8' });
        const reading = readChunks([Buffer.from(text)], {
          dataset: datasetOf('Visit', records[0] ?? []),
          format: FOUND,
        });
        expect(rowsOf(reading)).toEqual(byCsvParse(text, writing).slice(1));
        expect(reading.table.dialect).toMatchObject({ quote: writing.quote, escape: writing.escape });
      }),
      { numRuns: 100 },
    );
  });

  test('without a dataset: the delimiter that makes the rows equal', () => {
    fc.assert(
      fc.property(tables, writings, (records, random) => {
        const writing: Writing = { ...random, quote: '"', escape: 'double', encoding: 'utf-8' };
        const plain = Array.from({ length: 5 }, (_, index) => (records[0] ?? []).map((name) => `${name}${index}`));
        const text = writeTable([records[0] ?? [], ...plain, ...records.slice(1)], writing);
        const reading = readChunks([Buffer.from(text)], {
          dataset: null,
          format: { ...FOUND, quote: '"', escape: 'double' },
        });
        expect(reading.table.dialect.delimiter).toBe(writing.delimiter);
        expect([reading.table.header.cells, ...rowsOf(reading)]).toEqual(byCsvParse(text, writing));
      }),
      { numRuns: 100 },
    );
  });

  test('chunk boundaries at every byte change nothing', () => {
    fc.assert(
      fc.property(tables, writings, (records, writing) => {
        const bytes = encode(writeTable(records, writing), writing);
        const options = {
          dataset: datasetOf('Visit', records[0] ?? []),
          format: { ...FOUND, encoding: writing.encoding },
        };
        const whole = readChunks([bytes], options);
        for (let cut = 0; cut <= bytes.length; cut++) {
          const parts = readChunks([bytes.subarray(0, cut), bytes.subarray(cut)], options, {
            ...LIMITS,
            blockBytes: cut + 1,
          });
          expect(parts.events).toEqual(whole.events);
          expect(parts.totals).toEqual(whole.totals);
          expect(parts.table.dialect).toEqual(whole.table.dialect);
        }
      }),
      { numRuns: 4 },
    );
  });
});
