import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StorageClass, Value } from '../../src/columns/column-type.ts';
import { createPartFile } from '../../src/export/parquet/part-file.ts';
import { askDuckdb } from '../helpers/duckdb.ts';
import { createRandom } from '../helpers/random.ts';
import { tempFolder } from '../helpers/temp.ts';

/** Writes one column. */
function write(storage: StorageClass, values: readonly Value[], scale: number | null = null): string {
  const path = join(tempFolder(), 'x.parquet');
  const file = createPartFile(path, 't', [{ name: 'c', storage, scale }]);
  for (const value of values) file.add([value]);
  expect(file.finish().rows).toBe(values.length);
  return path;
}

/** What DuckDB reads in a column, as text. */
async function readBack(path: string): Promise<readonly unknown[]> {
  return (await askDuckdb(`SELECT c::VARCHAR FROM '${path}'`)).flat();
}

async function typeOf(path: string): Promise<unknown> {
  return (await askDuckdb(`DESCRIBE SELECT c FROM '${path}'`))[0]?.[1];
}

/** What the footer says of the first row group. */
async function boundsOf(path: string): Promise<readonly unknown[] | undefined> {
  const [bounds] = await askDuckdb(
    `SELECT stats_min_value, stats_max_value, stats_null_count::INT FROM parquet_metadata('${path}') LIMIT 1`,
  );
  return bounds;
}

describe('a Parquet file', () => {
  test.each<[StorageClass, string, readonly Value[], readonly unknown[], number | null]>([
    ['text', 'VARCHAR', ['', 'a', 'é', '中', '😀 and \u0000 too', 'x'.repeat(5000), null], ['', 'a', 'é', '中', '😀 and \u0000 too', 'x'.repeat(5000), null], null],
    ['integer', 'BIGINT', [0, -1, 9007199254740991, -9007199254740991, null], ['0', '-1', '9007199254740991', '-9007199254740991', null], null],
    ['number', 'DOUBLE', [0.1, -1e300, 5e-324, 46], ['0.1', '-1e+300', '5e-324', '46.0'], null],
    ['decimal', 'DECIMAL(38,2)', ['-0.50', '999999999999999999999999999999999999.99', '0.00', null], ['-0.50', '999999999999999999999999999999999999.99', '0.00', null], 2],
    ['decimal', 'DECIMAL(38,0)', ['-12', '7'], ['-12', '7'], 0],
    ['date', 'DATE', ['2026-08-01', '1969-12-31', '0001-01-01', '9999-12-31', '1582-10-10', '2000-02-29', null], ['2026-08-01', '1969-12-31', '0001-01-01', '9999-12-31', '1582-10-10', '2000-02-29', null], null],
    ['timestamp', 'TIMESTAMP WITH TIME ZONE', ['2026-08-01T06:00:00Z', '1969-12-31T23:59:59.000001Z', null], null as never, null],
    ['boolean', 'BOOLEAN', [1, 0, null, 1, 1, 1, 0, 0, 1, 1], ['true', 'false', null, 'true', 'true', 'true', 'false', 'false', 'true', 'true'], null],
    ['text', 'VARCHAR', [null, null], [null, null], null],
  ])('keeps %s as %s', async (storage, type, values, expected, scale) => {
    const path = write(storage, values, scale);
    expect(await typeOf(path)).toBe(type);
    // Said in whatever zone the machine has, so asked for as microseconds.
    if (storage === 'timestamp')
      expect((await askDuckdb(`SELECT epoch_us(c)::VARCHAR FROM '${path}'`)).flat()).toEqual(['1785564000000000', '-999999', null]);
    else expect(await readBack(path)).toEqual(expected);
  }); // prettier-ignore

  test.each<[StorageClass, Value, string]>([
    ['date', '2026-02-30', 'a date such as 2026-08-01'],
    ['date', '2026-08-01T00:00:00Z', 'a date such as 2026-08-01'],
    ['timestamp', '2026-02-29T06:00:00Z', 'a date such as 2026-08-01'],
    ['timestamp', '2026-08-01T24:00:00Z', 'a timestamp such as 2026-08-01T06:00:00Z'],
    ['timestamp', '2026-08-01 06:00:00', 'a timestamp such as 2026-08-01T06:00:00Z'],
    ['integer', 1.5, 'a whole number'],
    ['integer', 'seven', 'a whole number'],
    ['number', '1.5', 'a number'],
    ['decimal', '1.5', 'a decimal with 2 digits behind the point'],
    ['boolean', 2, 'a boolean'],
  ])('refuses as %s what is none, without quoting it (P8)', (storage, value, expected) => {
    const message = `t.c holds a value that is not ${expected} (something other than Landfall has written it, or the view gives other values than before)`;
    expect(() => write(storage, [value], 2)).toThrow(message);
  });

  test('has many row groups, with and without dictionaries, that are read back as they were', async () => {
    const random = createRandom(5);
    const rows = 300_000;
    const path = join(tempFolder(), 'x.parquet');
    const columns = (['id', 'word', 'late', 'cents'] as const).map((name) => ({
      ...{ name, storage: name === 'cents' ? ('integer' as const) : ('text' as const), scale: null },
    }));
    const file = createPartFile(path, 't', columns);
    let sum = 0;
    for (let at = 0; at < rows; at++) {
      const cents = random.below(1_000_000) - 500_000;
      sum += cents;
      // Repeats at first, and then no more: the dictionary is given up in the middle.
      const late = at % 131_072 < 10_000 ? 'same' : `other ${at}`;
      file.add([`id${String(at).padStart(9, '0')}`, at % 3 === 0 ? null : `word ${at % 100}`, late, cents]);
    }
    const { bytes, sha256 } = file.finish();
    expect(readFileSync(path).length).toBe(bytes);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    const [row] = await askDuckdb(
      `SELECT count(*)::INT, count(DISTINCT id)::INT, count(word)::INT, count(DISTINCT word)::INT, sum(cents)::BIGINT::VARCHAR,
        count(*) FILTER (late = 'same')::INT, count(DISTINCT late)::INT, bool_and(id = 'id' || lpad(n::VARCHAR, 9, '0')), bool_and(late = 'same' OR late = 'other ' || n)
       FROM (SELECT *, file_row_number AS n FROM read_parquet('${path}', file_row_number = true))`,
    );
    expect(row).toEqual([rows, rows, 200_000, 100, String(sum), 30_000, rows - 30_000 + 1, true, true]);
    const groups = await askDuckdb(
      `SELECT DISTINCT row_group_num_rows::INT FROM parquet_metadata('${path}') ORDER BY 1`,
    );
    expect(groups.flat()).toEqual([37_856, 131_072]);
  });

  test('bounds in the footer are those of the values, so that readers pass over what they need not read', async () => {
    expect(await boundsOf(write('date', ['2026-08-01', null, '1999-01-01']))).toEqual(['1999-01-01', '2026-08-01', 1]);
    expect(await boundsOf(write('integer', [5, -3, 12]))).toEqual(['-3', '12', 0]);
    expect(await boundsOf(write('decimal', ['5.00', '-3.25', '12.00'], 2))).toEqual(['-3.25', '12.00', 0]);
    expect(await boundsOf(write('text', ['b', 'a', 'é']))).toEqual(['a', 'é', 0]);
    // UTF-16 puts letters beyond U+FFFF before the last of those below: no bounds are better than wrong ones.
    expect(await boundsOf(write('text', ['\uffee', '😀']))).toEqual([null, null, 0]);
    const path = write('text', ['\uffee', '😀', 'a']);
    expect((await askDuckdb(`SELECT count(*)::INT FROM '${path}' WHERE c >= '\uffee'`)).flat()).toEqual([2]);
  });
});
