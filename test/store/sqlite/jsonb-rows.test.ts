import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Value } from '../../../src/columns/column-type.ts';
import { createRowEncoder } from '../../../src/store/sqlite/jsonb-rows.ts';

function open(): Database.Database {
  const db = new Database(':memory:');
  onTestFinished(() => {
    db.close();
  });
  return db;
}

/** Memory that is larger than need be, and not empty, as that of an earlier batch is. */
const allocate = (bytes: number): ArrayBuffer => new Uint8Array(bytes + 10).fill(0xff).buffer;

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
);

test('rows are laid out as SQLite reads them, whatever they hold', () => {
  const db = open();
  const read = db.prepare<[Uint8Array], { json: string; valid: number }>(
    'SELECT json(r) AS json, json_valid(r, 8) AS valid FROM (SELECT ? AS r)',
  );
  const rows = createRowEncoder();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.array(value, { maxLength: 15 }))), (table) => {
      for (const [line, values] of table) rows.add({ line, byteOffset: line * 2, byteLength: 1 }, values);
      const set = rows.take(allocate);
      const { json, valid } = read.get(set.rows) ?? { json: '', valid: 0 };
      expect(set.count).toBe(table.length);
      expect([...set.places]).toEqual(table.flatMap(([line]) => [line, line * 2, 1]));
      expect(valid).toBe(1);
      expect(JSON.parse(json)).toEqual(table.map(([line, values]) => [line, ...values]));
    }),
  );
});

test('values of every length, on both sides of where the layout changes', () => {
  const db = open();
  const read = db.prepare<[Uint8Array], [number, string, string]>(
    'SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?)',
  );
  const rows = createRowEncoder();
  const sizes = [0, 1, 11, 12, 255, 256, 65_519, 65_520, 65_521, 65_535, 65_536, 3_000_000];
  const table = sizes.flatMap((size) => ['x', 'é', '\u{1F980}'].map((letter) => letter.repeat(size)));
  for (const [index, text] of table.entries()) rows.add({ line: index, byteOffset: 0, byteLength: 0 }, [text, 'after']);
  const found = read.raw().all(rows.take(allocate).rows);
  expect(found.length).toBe(table.length);
  for (const [index, text, after] of found) {
    expect(after).toBe('after');
    // Not toEqual: it would print megabytes.
    expect(text === table[index]).toBe(true);
  }
});
