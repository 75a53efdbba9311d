import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRowMapper } from '../../src/columns/row-mapper.ts';
import type { ColumnTypeName } from '../../src/columns/registry.ts';
import type { Value } from '../../src/columns/column-type.ts';
import { ANY_FORMAT, type Column, type FeedFormat } from '../../src/model/feed.ts';

const FORMAT: FeedFormat = { ...ANY_FORMAT, nulls: ['NULL', 'n/a', '9999-12-31'] };

function column(type: ColumnTypeName, changes: Partial<Column> = {}): Column {
  const blank = {
    header: 'Value',
    aliases: [],
    name: 'value',
    required: false,
    optional: false,
    phi: false,
    references: null,
  };
  return { ...blank, type, ...changes };
}

function columnsOf(...columns: Column[]): readonly Column[] {
  const key = column('id', { header: 'Key', name: 'key', required: true });
  return [key, ...columns];
}

/** What becomes of one field of a type. */
function take(type: ColumnTypeName, text: string, format: Partial<FeedFormat> = {}): Value {
  const into: Value[] = [];
  const fault = createRowMapper(columnsOf(column(type)), { ...FORMAT, ...format }, [0, 1]).map(['k', text], into);
  return fault === null ? (into[1] ?? null) : fault.code;
}

test.each([
  ['1234.5', 123450],
  ['1234', 123400],
  ['0', 0],
  ['.50', 50],
  ['007.10', 710],
  ['$1,234.56', 123456],
  ['1,234,567.89', 123456789],
  ['-12.00', -1200],
  ['+12.00', 1200],
  ['(12.00)', -1200],
  ['($1,200.00)', -120000],
  ['12.00-', -1200],
  ['-$12.00', -1200],
  ['$-12.00', -1200],
  ['$ 12.00', 1200],
  ['0.29', 29],
  ['1.15', 115],
  ['90071992547409.91', 9007199254740991],
  ['-90071992547409.91', -9007199254740991],
])('money: %s is %d cents', (text, cents) => {
  expect(take('money', text)).toBe(cents);
});

test.each([
  ['12.345'],
  ['12.340'],
  ['1,23'],
  ['12,34.00'],
  ['1,2345.00'],
  [',123.00'],
  ['5.'],
  ['.'],
  ['-'],
  ['$'],
  ['()'],
  ['--1'],
  ['-1-'],
  ['(-1)'],
  ['1e3'],
  ['1.2.3'],
  ['12 00'],
  ['€5.00'],
  ['12.00 CR'],
  ['٣'],
  ['NaN'],
  ['0x10'],
  ['90071992547409.92'],
  ['9'.repeat(1000)],
])('money: %s is refused, never rounded', (text) => {
  expect(take('money', text)).toBe('bad_money');
});

test('money: a comma is refused where the feed does not say so', () => {
  expect(take('money', '1,234.56', { thousandsSeparator: false })).toBe('bad_money');
  expect(take('money', '1234.56', { thousandsSeparator: false })).toBe(123456);
});

test.each([
  [true, 'a comma that is not a thousands separator; expected for example 1,234.50'],
  [false, 'a comma, which the feed does not allow; expected for example 1234.50'],
])('money: what is wrong with a comma, where the feed says thousands_separator: %s', (thousandsSeparator, reason) => {
  const mapper = createRowMapper([column('money')], { ...FORMAT, thousandsSeparator }, [0]);
  const problem = mapper.map(['1,23'], []);
  expect(problem?.code).toBe('bad_money');
  expect(problem?.reason).toContain(reason);
});

test('money: zero with a minus is plain zero', () => {
  for (const text of ['-0', '-0.00', '(0.00)', '0-']) expect(Object.is(take('money', text), 0)).toBe(true);
});

test('money: every safe number of cents is read exactly, in every spelling', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (cents) => {
      const digits = String(Math.abs(cents)).padStart(3, '0');
      const units = digits.slice(0, -2);
      const plain = `${units}.${digits.slice(-2)}`;
      const parted = `${units.replace(/\B(?=(?:\d{3})+$)/g, ',')}.${digits.slice(-2)}`;
      const spellings =
        cents < 0 ? [`-${plain}`, `(${plain})`, `${plain}-`, `-$${parted}`] : [plain, `$${plain}`, parted];
      for (const spelling of spellings) expect(take('money', spelling)).toBe(cents);
    }),
  );
});

test.each([
  ['2026-08-01', '2026-08-01'],
  ['20260801', '2026-08-01'],
  ['08/01/2026', '2026-08-01'],
  ['8/1/2026', '2026-08-01'],
  ['2026/08/01', '2026-08-01'],
  ['2026/8/1', '2026-08-01'],
  ['2026/11/20', '2026-11-20'],
  ['01-AUG-2026', '2026-08-01'],
  ['1-aug-2026', '2026-08-01'],
  ['2024-02-29', '2024-02-29'],
  ['2000-02-29', '2000-02-29'],
  ['2011-12-30', '2011-12-30'],
  ['2026-08-01T06:02:03Z', '2026-08-01'],
  ['2026-08-01 00:00:00.000', '2026-08-01'],
  ['2026-08-01T23:30:00-05:00', '2026-08-01'],
  ['20260801060203', '2026-08-01'],
  ['20260801 06:02', '2026-08-01'],
  ['8/1/2026 6:02:03 PM', '2026-08-01'],
  ['2026/08/01 06:02:03', '2026-08-01'],
  ['2026/8/1T06:02', '2026-08-01'],
  ['01-AUG-2026 06:02:03', '2026-08-01'],
])('date: %s is %s', (text, date) => {
  expect(take('date', text)).toBe(date);
});

test.each([
  ['2026-02-29'],
  ['1900-02-29'],
  ['2026-04-31'],
  ['2026-13-01'],
  ['2026-00-10'],
  ['0000-01-01'],
  ['13/01/2026'],
  ['08/01/26'],
  ['01-AUG-26'],
  ['260801'],
  ['2026-8-1'],
  ['2026/13/01'],
  ['2026/02/29'],
  ['2026/08-01'],
  ['2026/08/01/'],
  ['26/08/01'],
  ['2026/08/01 25:00'],
  ['01-AUT-2026'],
  ['2026-08-01T24:00:00'],
  ['2026-08-01 06:60'],
  ['2026-08-01 13:00 PM'],
  ['2026-08-01 and more'],
  ['2026-08-0x'],
  ['today'],
  ['45505'],
])('date: %s is refused', (text) => {
  expect(take('date', text)).toBe('bad_date');
});

test('date: the feed says whether the day or the month comes first', () => {
  expect(take('date', '31/12/2026', { dateOrder: 'day-first' })).toBe('2026-12-31');
  expect(take('date', '12/31/2026', { dateOrder: 'day-first' })).toBe('bad_date');
  expect(take('date', '2026/12/11', { dateOrder: 'day-first' })).toBe('2026-12-11');
});

test('date: the days that are taken are those of the calendar', () => {
  const parts = fc.tuple(
    fc.integer({ min: 1, max: 9999 }),
    fc.integer({ min: 0, max: 13 }),
    fc.integer({ min: 0, max: 32 }),
  );
  fc.assert(
    fc.property(parts, ([year, month, day]) => {
      const date = new Date(0);
      date.setUTCFullYear(year, month - 1, day);
      const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
      const text = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
      if (text === '9999-12-31') return;
      expect(take('date', text)).toBe(exists ? text : 'bad_date');
      expect(take('date', text.replaceAll('-', ''))).toBe(exists ? text : 'bad_date');
      expect(take('date', `${month}/${day}/${text.slice(0, 4)}`)).toBe(exists ? text : 'bad_date');
    }),
    { numRuns: 500 },
  );
});

test.each<[ColumnTypeName, string, Value]>([
  ['id', '000123', '000123'],
  ['id', 'aB-9', 'aB-9'],
  ['id', '12E34', '12E34'],
  ['id', 'e\u0301', 'e\u0301'],
  ['code', '0099', '0099'],
  ['text', 'e\u0301', '\u00e9'],
  ['text', 'two\r\nlines', 'two\r\nlines'],
  ['text', '1.23E+11', '1.23E+11'],
  ['text', '\u00a0 padded \t', 'padded'],
  ['text', 'nullable', 'nullable'],
])('%s: %j is kept as %j', (type, text, value) => {
  expect(take(type, text)).toBe(value);
});

test.each<[ColumnTypeName, string, string]>([
  ['id', '1.23E+11', 'damaged_id'],
  ['code', '1.23457e+17', 'damaged_id'],
  ['id', '1,23E+11', 'damaged_id'],
  ['id', 'a\nb', 'bad_text'],
  ['code', 'a\tb', 'bad_text'],
  ['text', 'a\tb', 'bad_text'],
  ['text', 'a\u0000b', 'bad_text'],
  ['text', 'a\u001b[2Jb', 'bad_text'],
  ['text', 'a\u007fb', 'bad_text'],
  ['text', 'José\u0085x', 'bad_text'],
])('%s: %j is %s', (type, text, code) => {
  expect(take(type, text)).toBe(code);
});

test.each<[ColumnTypeName, string]>([
  ['text', ''],
  ['text', '   '],
  ['text', 'null'],
  ['id', ' N/A '],
  ['money', 'NULL'],
  ['date', '9999-12-31'],
])('%s: %j is NULL', (type, text) => {
  expect(take(type, text)).toBeNull();
});

test('fields go to their columns wherever they stand, and an absent optional column is NULL', () => {
  const columns = columnsOf(
    column('money', { name: 'amount_cents' }),
    column('text', { name: 'note', optional: true }),
  );
  const into: Value[] = [];
  expect(createRowMapper(columns, FORMAT, [2, 0, null]).map(['1.50', 'not taken', 'k'], into)).toBeNull();
  expect(into).toEqual(['k', 150, null]);
});

test('P8: the first fault of a row names code and column, never the value', () => {
  const columns = columnsOf(
    column('date', { header: 'VisitDate', name: 'visit_date', required: true }),
    column('money'),
  );
  const mapper = createRowMapper(columns, FORMAT, [0, 1, 2]);
  expect(mapper.map(['k', 'ZQX1907', 'ZQX'], [])).toEqual({
    code: 'bad_date',
    column: 'visit_date',
    reason: 'VisitDate: not a recognised date; expected for example 2026-08-01 or 08/01/2026',
  });
  expect(mapper.map(['k', '', ''], [])).toEqual({
    code: 'missing_value',
    column: 'visit_date',
    reason: 'VisitDate: a required value is empty',
  });
  expect(mapper.map([' ', '2026-08-01', ''], [])?.column).toBe('key');
  expect(mapper.keyOf([' k ', 'ZQX1907', 'ZQX'])).toBe('k');
  expect(mapper.keyOf([' ', 'ZQX1907'])).toBeNull();
});

test('a text is put into the composed form, unless a letter has more marks than any writing has (P7)', () => {
  const marks = (count: number): string => `a${'\u0301\u0316'.repeat(count / 2)}`;
  expect(take('text', marks(128))).toBe(marks(128).normalize('NFC'));
  expect(take('text', marks(128))).not.toBe(marks(128));
  expect(take('text', marks(130))).toBe(marks(130));
});

test('a date with slashes that does not exist says in which order it was read', () => {
  const columns = columnsOf(column('date', { header: 'VisitDate', name: 'visit_date' }));
  const reasonOf = (text: string, dateOrder: FeedFormat['dateOrder']) =>
    createRowMapper(columns, { ...FORMAT, dateOrder }, [0, 1]).map(['k', text], [])?.reason;
  const unread = 'VisitDate: a day that does not exist';
  expect(reasonOf('13/01/2026', 'month-first')).toBe(`${unread}, read month-first (date_order in the feed)`);
  expect(reasonOf('01/13/2026', 'day-first')).toBe(`${unread}, read day-first (date_order in the feed)`);
  for (const text of ['2026-13-01', '2026/13/01']) expect(reasonOf(text, 'day-first')).toBe(unread);
});

test('whatever a field holds, it is a value or a documented fault', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789.,-+$()/: TEZ')) }),
  );
  fc.assert(
    fc.property(anything, (text) => {
      const money = take('money', text);
      expect(money === null || money === 'bad_money' || Number.isSafeInteger(money)).toBe(true);
      expect(take('date', text) ?? '2026-08-01').toMatch(/^(?:\d{4}-\d\d-\d\d|bad_date)$/);
    }),
    { numRuns: 500 },
  );
});
