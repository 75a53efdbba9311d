import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/reader/limits.ts';
import { datasetOf, FOUND, inChunks, readChunks } from './reading.ts';

const dataset = datasetOf('Visit', ['VisitID', 'PatientName=Name', 'TotalCharge']);
const read = (text: string, chunk = 1 << 20) =>
  readChunks(inChunks(Buffer.from(text), chunk), { dataset, format: FOUND });

describe('the plain table', () => {
  test('every row carries line, byte offset, byte length and fields', () => {
    const { events, totals } = read('VisitID|PatientName|TotalCharge\nV1|Zoë|1.00\nV2||2.00\n');
    expect(events).toEqual([
      { kind: 'row', line: 2, byteOffset: 32, byteLength: 13, fields: ['V1', 'Zoë', '1.00'] },
      { kind: 'row', line: 3, byteOffset: 45, byteLength: 9, fields: ['V2', '', '2.00'] },
    ]);
    expect(totals).toEqual({ headerBytes: 32, rowBytes: 22, refusedBytes: 0, skippedBytes: 0, skippedLines: 0 });
  });

  test('the header is matched without regard to case, spaces, punctuation and order, and by alias', () => {
    const { table } = read('total_charge|Ward|VISIT ID|name\n1|A|V1|X\n');
    expect(table.header.fieldOf).toEqual([2, 3, 0]);
    expect(table.header.extra).toEqual(['Ward']);
  });

  test('a byte order mark is skipped and counted, CRLF is one line end', () => {
    const { events, totals, table } = read('\ufeffVisitID|PatientName|TotalCharge\r\nV1|"a|""b"""|1\r\n');
    expect(table.dialect).toMatchObject({ bom: true, newline: 'crlf', quote: '"', delimiter: '|' });
    expect(events.map((event) => event.fields)).toEqual([['V1', 'a|"b"', '1']]);
    expect(totals.skippedBytes).toBe(3);
  });

  test('a quoted line break is text, and lines are counted on', () => {
    const { events } = read('VisitID|PatientName|TotalCharge\nV1|"a\nb"|1\nV2|c|2\n');
    expect(events.map(({ line, fields }) => [line, fields])).toEqual([
      [2, ['V1', 'a\nb', '1']],
      [4, ['V2', 'c', '2']],
    ]);
  });

  test('blocks of any size give the same rows', () => {
    const lines = Array.from({ length: 50 }, (_, i) => `V${i}|"näme\n${i}"|${i}\r\n`).join('');
    const text = `VisitID|PatientName|TotalCharge\r\n${lines}`;
    const whole = read(text);
    for (const blockBytes of [1, 7, 64, 100]) {
      const limits = { ...LIMITS, blockBytes };
      const small = readChunks(inChunks(Buffer.from(text), 3), { dataset, format: FOUND }, limits);
      expect(small.events).toEqual(whole.events);
      expect(small.totals).toEqual(whole.totals);
    }
    expect(whole.events).toHaveLength(50);
  });
});
