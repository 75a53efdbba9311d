import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/reader/limits.ts';
import { createSurveyor } from '../../src/reader/sniff.ts';
import { openTable } from '../../src/reader/table.ts';
import { datasetOf, FOUND, inChunks, readChunks } from './reading.ts';

/** What would make a golden case too big a file. */
const HEADER = 'VisitID|PatientName|TotalCharge\n';
const dataset = datasetOf('Visit', ['VisitID', 'PatientName', 'TotalCharge']);
const read = (text: string, chunk = 65536) =>
  readChunks(inChunks(Buffer.from(text), chunk), { dataset, format: FOUND });
const codes = (text: string, chunk?: number) =>
  read(text, chunk).events.map((event) => (event.kind === 'row' ? 'row' : event.code));

describe('limits', () => {
  test.each([
    ['in one line', (length: number) => 'x'.repeat(length)],
    ['over lines', (length: number) => `${'x'.repeat(999)}\n`.repeat(99).slice(0, length)],
  ])('a quoted field %s may have 64 KiB, and not a byte more', (_, text) => {
    const row = (length: number) => `V1|"${text(length)}"|1.00\n`;
    for (const chunk of [1000, 65536, 1 << 20]) {
      expect(codes(`${HEADER}${row(65536)}V2|a|2.00\n`, chunk)).toEqual(['row', 'row']);
      const [first, ...others] = codes(`${HEADER}${row(65537)}V2|a|2.00\n`, chunk);
      expect(first).toBe('unterminated_quote');
      expect(others.at(-1)).toBe('row');
    }
  });

  test('a line may have 8 MiB, and not a byte more', () => {
    const line = (bytes: number) => `V1|${'x'.repeat(bytes - 9)}|1.00\n`;
    expect(codes(`${HEADER}${line(8 * 1024 * 1024)}V2|a|2.00\n`)).toEqual(['row', 'row']);
    expect(() => read(`${HEADER}V2|a|2.00\n${line(8 * 1024 * 1024 + 1)}V2|a|2.00\n`)).toThrow(
      'line 3 is longer than 8 MiB',
    );
    expect(() => read(`${line(9 * 1024 * 1024)}${HEADER}`)).toThrow('line 1 is longer than 8 MiB');
  });

  test('quotes that begin behind the part of the file by which the dialect is found are quotes', () => {
    const { events, table } = read(`${HEADER}${'V1|Smith|1.00\n'.repeat(6000)}V2|"Jo|nes"|2.00\n`);
    expect(table.dialect.quote).toBe(null);
    expect(events.at(-1)?.fields).toEqual(['V2', 'Jo|nes', '2.00']);
  });

  test('a row of too many fields keeps few of them', () => {
    for (const quoted of ['', '""']) {
      const { events } = read(`${HEADER}${quoted}${'|'.repeat(1_000_000)}x\n`);
      expect(events).toMatchObject([{ code: 'field_count', reason: 'more than 103 fields instead of 3' }]);
      expect(events[0]?.fields.length).toBe(103);
    }
  });

  test('batches are of bounded size, rows are walked once, and totals come last', () => {
    const bytes = Buffer.from(`${HEADER}${'a|b|c\n'.repeat(20_000)}`);
    const surveyor = createSurveyor(FOUND);
    surveyor.update(bytes);
    const limits = { ...LIMITS, batchRows: 1000 };
    const table = openTable([bytes], { dataset, format: FOUND, survey: surveyor.finish() }, limits);
    expect(() => table.totals()).toThrow('once its rows have been walked');
    const sizes = [...table.batches()].map((batch) => batch.length);
    expect(Math.max(...sizes)).toBe(1000);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(20_000);
    expect(table.totals().rowBytes).toBe(120_000);
    expect(() => [...table.batches()]).toThrow('walked once');
  });

  test('the chunks are let go of, at the end and when reading stops early', () => {
    let open = 0;
    const chunks = function* (): Generator<Uint8Array> {
      open++;
      try {
        for (;;) yield Buffer.from(`${HEADER}${'a|b|c\n'.repeat(20_000)}`);
      } finally {
        open--;
      }
    };
    const survey = { bytes: 1, encoding: 'utf-8', bom: false, notText: null } as const;
    for (const batch of openTable(chunks(), { dataset, format: FOUND, survey }).batches()) if (batch.length > 0) break;
    const other = datasetOf('Other', ['Nothing', 'Like', 'This']);
    expect(() => openTable(chunks(), { dataset: other, format: FOUND, survey })).toThrow('no line looks like');
    expect(open).toBe(0);
  });
});
