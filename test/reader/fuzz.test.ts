import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FileRefused } from '../../src/model/errors.ts';
import type { Encoding } from '../../src/model/feed.ts';
import { LIMITS } from '../../src/reader/limits.ts';
import { createSurveyor } from '../../src/reader/sniff.ts';
import { openTable } from '../../src/reader/table.ts';
import type { ReadEvent, ReadTotals } from '../../src/reader/types.ts';
import { datasetOf, FOUND, inChunks } from './reading.ts';
import { encode, tables, writeTable, writings } from './writing.ts';

const HEADERS = ['ColumnA', 'ColumnB', 'ColumnC', 'ColumnD'];
const DATASET = datasetOf('Visit', HEADERS);

/** Reads bytes whatever they are, also those that the survey takes for no text. Null: the file was refused. */
function readAnything(
  bytes: Buffer,
  {
    dataset = DATASET,
    encoding = null,
    chunk = 65536,
  }: { dataset?: typeof DATASET | null; encoding?: Encoding | null; chunk?: number },
): { events: ReadEvent[]; totals: ReadTotals } | null {
  const format = { ...FOUND, encoding };
  const surveyor = createSurveyor(format);
  for (const piece of inChunks(bytes, chunk)) surveyor.update(piece);
  const survey = { ...surveyor.finish(), text: true };
  try {
    const table = openTable(inChunks(bytes, chunk), { dataset, format, survey });
    const events = [...table.batches()].flat();
    return { events, totals: table.totals() };
  } catch (error) {
    if (error instanceof FileRefused) return null;
    throw error;
  }
}

/** Every byte is header, row, refused or skipped; rows come in order and do not overlap. */
function expectAccounts(bytes: Buffer, read: { events: ReadEvent[]; totals: ReadTotals }): void {
  const { headerBytes, rowBytes, refusedBytes, skippedBytes } = read.totals;
  expect(headerBytes + rowBytes + refusedBytes + skippedBytes).toBe(bytes.length);
  const sum = { row: 0, refused: 0 };
  let at = 0;
  let line = 0;
  for (const event of read.events) {
    if (event.byteOffset < at || event.line <= line || event.byteLength <= 0) throw new Error('rows overlap');
    at = event.byteOffset + event.byteLength;
    line = event.line;
    sum[event.kind] += event.byteLength;
  }
  expect(at).toBeLessThanOrEqual(bytes.length);
  expect(sum).toEqual({ row: rowBytes, refused: refusedBytes });
}

/** Bytes that mean something to the reader, and any others. */
const noise = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...Buffer.from('|,"\'\\\n\r\n aK1')) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
    ),
    { maxLength: 400 },
  )
  .map((codes) => Buffer.from(codes));

const encodings = fc.constantFrom<Encoding | null>(null, 'utf-8', 'utf-16le', 'utf-16be', 'windows-1252');

describe('whatever the bytes are', () => {
  test('noise behind a header, or without one, never throws, and every byte is accounted for (P3)', () => {
    let read = 0;
    fc.assert(
      fc.property(
        noise,
        encodings,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        (body, encoding, headed, any, chunk) => {
          const header = encode(`${HEADERS.join('|')}\n`, { encoding: encoding ?? 'utf-8', bom: false });
          const bytes = headed ? Buffer.concat([header, body]) : body;
          const result = readAnything(bytes, { dataset: any ? null : DATASET, encoding, chunk });
          if (result !== null) {
            read++;
            expectAccounts(bytes, result);
          }
        },
      ),
      { numRuns: 800 },
    );
    expect(read).toBeGreaterThan(200);
  });

  test('damage to a good file (drop, double, flip, cut) never throws, and every byte is accounted for (P3)', () => {
    const damage = fc.record({
      kind: fc.constantFrom('drop', 'double', 'flip', 'cut'),
      place: fc.double({ min: 0, max: 0.999, noNaN: true }),
      length: fc.integer({ min: 1, max: 12 }),
    });
    let read = 0;
    fc.assert(
      fc.property(tables, writings, fc.array(damage, { minLength: 1, maxLength: 4 }), (records, writing, damages) => {
        let bytes = encode(writeTable(records, writing), writing);
        // Most of it behind the header, or most files would be refused whole.
        const header = encode(writeTable(records.slice(0, 1), { ...writing, lastNewline: true }), writing).length;
        for (const { kind, place, length } of damages) {
          const from = Math.min(length === 1 ? 0 : header, bytes.length);
          bytes = spoil(bytes, kind, from + Math.floor(place * (bytes.length - from)), length);
        }
        const result = readAnything(bytes, { dataset: datasetOf('Visit', records[0] ?? []) });
        if (result !== null) {
          read++;
          expectAccounts(bytes, result);
        }
      }),
      { numRuns: 600 },
    );
    expect(read).toBeGreaterThan(200);
  });

  test('a stray quote anywhere costs its own row and no other (P6)', () => {
    const plain = fc.array(
      fc.array(fc.constantFrom('', 'a', 'b c', '7', 'x,y', "o'n", '"', '|'), { minLength: 3, maxLength: 3 }),
      {
        minLength: 2,
        maxLength: 12,
      },
    );
    const writing = {
      delimiter: '|',
      quote: '"',
      escape: 'double',
      newline: 'lf',
      encoding: 'utf-8',
      bom: false,
    } as const;
    fc.assert(
      fc.property(plain, fc.boolean(), fc.nat(), (rows, quoteAll, random) => {
        const records = [HEADERS, ...rows.map((row, index) => [`K${index}`, ...row])];
        const text = writeTable(records, { ...writing, quoteAll, lastNewline: true });
        const begin = text.indexOf('\n') + 1;
        const at = begin + (random % (text.length - begin));
        const struck = text.slice(begin, at).split('\n').length - 1;
        const spoilt = Buffer.from(`${text.slice(0, at)}"${text.slice(at)}`);
        const read = readAnything(spoilt, {});
        const fields = new Set(
          read?.events.filter((event) => event.kind === 'row').map((event) => JSON.stringify(event.fields)),
        );
        for (const [index, record] of records.slice(1).entries()) {
          if (index !== struck) expect(fields).toContain(JSON.stringify(record));
        }
      }),
      { numRuns: 600 },
    );
  });

  test('one character too many or too few anywhere gets no value into a wrong column (P6)', () => {
    let altered = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.boolean(),
        fc.constantFrom('lf', 'crlf', 'cr'),
        fc.constantFrom('', '|', '"', "'", '\n', '\r', '\r\n', '\\', ',', 'x'),
        fc.nat(),
        (count, quoteAll, newline, inserted, random) => {
          const rows = Array.from({ length: count }, (_, row) => HEADERS.map((_, column) => `r${row}c${column}`));
          const writing = {
            delimiter: '|',
            quote: '"',
            escape: 'double',
            newline,
            encoding: 'utf-8',
            bom: false,
          } as const;
          const text = writeTable([HEADERS, ...rows], { ...writing, quoteAll, lastNewline: true });
          const begin = text.indexOf('r0c0') - (quoteAll ? 1 : 0);
          const at = begin + (random % (text.length - begin));
          const spoilt = text.slice(0, at) + inserted + text.slice(inserted === '' ? at + 1 : at);
          const read = readAnything(Buffer.from(spoilt), {});
          if (read === null) throw new Error('it should have been read');
          expectAccounts(Buffer.from(spoilt), read);
          for (const { kind, fields } of read.events) {
            if (kind === 'refused') continue;
            const other = Math.min(...rows.map((row) => row.filter((value, index) => fields[index] !== value).length));
            if (other > 0) altered++;
            // What is left of a row is the row but for the one value that was struck.
            expect(other).toBeLessThanOrEqual(1);
            // It may have kept its quotes and what was put in.
            for (const field of fields) expect(field.length).toBeLessThanOrEqual('r0c0'.length + 3);
          }
        },
      ),
      { numRuns: 800 },
    );
    expect(altered).toBeGreaterThan(50);
  });
});

function spoil(bytes: Buffer, kind: string, at: number, length: number): Buffer {
  const head = bytes.subarray(0, at);
  const piece = bytes.subarray(at, at + length);
  const tail = bytes.subarray(at + length);
  if (kind === 'drop') return Buffer.concat([head, tail]);
  if (kind === 'double') return Buffer.concat([head, piece, piece, tail]);
  if (kind === 'flip') return Buffer.concat([head, piece.map((byte) => byte ^ 0x55), tail]);
  return Buffer.from(head);
}

describe('ten megabytes of anything', () => {
  const BYTES = 10 * 1024 * 1024;
  const header = `${HEADERS.join('|')}\n`;
  const fill = (unit: string): Buffer => Buffer.alloc(BYTES, unit);

  test.each([
    ['no line end', 'a'],
    ['quotes', '"'],
    ['delimiters', '|'],
    ['zeros', '\0'],
  ])('%s: refused as a line too long, with a few blocks held', (_, unit) => {
    const bytes = Buffer.concat([Buffer.from(header), fill(unit)]);
    let taken = 0;
    const chunks = function* (): Generator<Uint8Array> {
      for (const chunk of inChunks(bytes, 65536)) {
        taken += chunk.length;
        yield chunk;
      }
    };
    const survey = { bytes: bytes.length, encoding: 'utf-8', bom: false, notText: null } as const;
    const table = openTable(chunks(), { dataset: DATASET, format: FOUND, survey });
    expect(() => [...table.batches()]).toThrow('line 2 is longer than 8 MiB');
    expect(taken).toBeLessThan(LIMITS.lineBytes + 1024 * 1024);
  });

  test.each([
    ['a stray quote in every row', `K1|"${'some text '.repeat(9)}|b|c\n`],
    ['a quote that opens, and a hundred lines', `K1|"${'some text that goes on for a while\n'.repeat(110)}`],
    ['quotes across lines', `"|"${'x'.repeat(90)}\n`],
    ['carriage returns within rows', `K1|a|b\r${'x'.repeat(90)}|c\n`],
    ['lines of nearly 8 MiB', `${'a'.repeat(5 * 1024 * 1024)}\n`],
  ])('%s: read to the end, every byte accounted for', (_, unit) => {
    const bytes = Buffer.concat([Buffer.from(header), fill(unit)]);
    const read = readAnything(bytes, {});
    if (read === null) throw new Error('it should have been read');
    expectAccounts(bytes, read);
  });
});
