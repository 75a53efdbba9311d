import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { FileRefused } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/reader/limits.ts';
import type { ReadOptions } from '../../src/reader/types.ts';
import { datasetOf, FOUND, inChunks, readChunks } from './reading.ts';

/**
 * Golden cases: each folder of test/cases holds `input.txt` (or `input.bin`, where it is not UTF-8) and `expected.json`.
 * What `expected.json` leaves out is as in the plainest file; see the schema below.
 */
const CASES = join(import.meta.dirname, '../cases');

const Expected = z.strictObject({
  /** What the case shows. */
  about: z.string(),
  /** Headers of the dataset's columns; `Name=Alias`, `Name?` for an optional one. null: any file. */
  columns: z.array(z.string()).nullable().default(['VisitID', 'PatientName=Patient', 'VisitDate', 'TotalCharge']),
  /** What the feed fixes of the format. */
  format: z.record(z.string(), z.unknown()).default({}),
  options: z
    .strictObject({
      newline: z.enum(['lf', 'crlf', 'cr', 'mixed']).optional(),
      skipLines: z.number().optional(),
      headerLines: z.number().optional(),
    })
    .default({}),
  /** What differs from UTF-8, `|`, no quotes, LF. */
  dialect: z.record(z.string(), z.unknown()).default({}),
  header: z
    .strictObject({
      line: z.number().default(1),
      fieldOf: z.array(z.number().nullable()).optional(),
      extra: z.array(z.string()).default([]),
      cells: z.array(z.string()).optional(),
      raw: z.string().optional(),
    })
    .prefault({}),
  /** Line number, then the fields. */
  rows: z.array(z.tuple([z.number()], z.string())).default([]),
  /** Line number, code, the bytes of the file that are refused (as Latin-1), and perhaps the reason. */
  refused: z.array(z.tuple([z.number(), z.string(), z.string()], z.string())).default([]),
  /** Lines left out. */
  skipped: z.number().default(0),
  /** The file is refused as a whole. */
  file: z
    .strictObject({
      code: z.string(),
      says: z.array(z.string()).default([]),
      hides: z.array(z.string()).default([]),
    })
    .optional(),
});

const names = readdirSync(CASES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

test('there are at least 60 golden cases', () => {
  expect(names.length).toBeGreaterThanOrEqual(60);
});

describe.each(names)('%s', (name) => {
  const folder = join(CASES, name);
  const input = readFileSync(join(folder, existsSync(join(folder, 'input.bin')) ? 'input.bin' : 'input.txt'));
  const expected = Expected.parse(JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')));
  const options: Omit<ReadOptions, 'survey'> = {
    dataset: expected.columns === null ? null : datasetOf('Visit', expected.columns),
    format: { ...FOUND, ...expected.format },
    ...(expected.options as Partial<ReadOptions>),
  };
  const read = (chunk: number, blockBytes = LIMITS.blockBytes) =>
    readChunks(inChunks(input, chunk), options, { ...LIMITS, blockBytes });

  if (expected.file !== undefined) {
    const { code, says, hides } = expected.file;
    test(`${expected.about} (P6, P8: refused whole, no value shown)`, () => {
      for (const chunk of [input.length, 1]) {
        const refusal = caught(() => read(Math.max(chunk, 1)));
        expect(refusal.code, refusal.message).toBe(code);
        for (const text of says) expect(refusal.message).toContain(text);
        for (const text of hides) expect(refusal.message).not.toContain(text);
      }
    });
    return;
  }

  test(`${expected.about} (P6)`, () => {
    const { table, events, totals } = read(input.length);
    const raw = (at: { byteOffset: number; byteLength: number }) =>
      input.toString('latin1', at.byteOffset, at.byteOffset + at.byteLength);
    const rows = events.filter((event) => event.kind === 'row');
    const refused = events.filter((event) => event.kind === 'refused');
    expect(rows.map(({ line, fields }) => [line, ...fields])).toEqual(expected.rows);
    expect(
      refused.map((event, index) =>
        [event.line, event.code, raw(event), event.reason].slice(0, expected.refused[index]?.length ?? 3),
      ),
    ).toEqual(expected.refused);
    expect(table.dialect).toEqual({
      ...{ encoding: 'utf-8', bom: false, delimiter: '|', quote: null, escape: 'double', newline: 'lf' },
      ...expected.dialect,
    });
    const { line, fieldOf = table.header.cells.map((_, index) => index), extra, cells } = expected.header;
    expect(table.header).toMatchObject({ line, fieldOf, extra });
    if (cells !== undefined) expect(table.header.cells).toEqual(cells);
    expect(totals.skippedLines).toBe(expected.skipped);
    expect(totals.rowBytes).toBe(rows.reduce((sum, row) => sum + row.byteLength, 0));
    expect(totals.refusedBytes).toBe(refused.reduce((sum, row) => sum + row.byteLength, 0));
    const { headerBytes, rowBytes, refusedBytes, skippedBytes } = totals;
    expect(headerBytes + rowBytes + refusedBytes + skippedBytes).toBe(input.length);
    if (expected.header.raw !== undefined) expect(headerBytes).toBe(Buffer.byteLength(expected.header.raw, 'latin1'));
  });

  test('chunks and blocks of any size change nothing', () => {
    const whole = read(input.length);
    for (const [chunk, block] of [
      [1, 1],
      [2, 7],
      [3, 64],
      [7, LIMITS.blockBytes],
    ] as const) {
      const pieces = read(chunk, block);
      expect(pieces.events).toEqual(whole.events);
      expect(pieces.totals).toEqual(whole.totals);
      expect(pieces.table.header).toEqual(whole.table.header);
      expect(pieces.survey).toEqual(whole.survey);
    }
  });
});

function caught(action: () => unknown): FileRefused {
  try {
    action();
  } catch (error) {
    if (error instanceof FileRefused) return error;
    throw error;
  }
  throw new Error('the file was not refused');
}
