import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layOut } from '../../src/output/table.ts';
import { paint, printable } from '../../src/output/terminal.ts';
import { captureIo } from '../helpers/command-io.ts';

const pipe = captureIo().stdout;
const terminal = captureIo({ terminal: true }).stdout;

test('what could move the cursor or fake a line is shown by its code', () => {
  expect(printable('a\nb\r\tc\u001b[2J\u0000\u009b1m\u202e\u2028')).toBe(
    'a\\nb\\r\\tc\\x1b[2J\\x00\\x9b1m\\u202e\\u2028',
  );
  expect(printable('José, 日本 🙂')).toBe('José, 日本 🙂');
});

test('whatever is printed, it is one line without a control character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    }),
  );
});

test('in a pipe a table is tab-separated lines, whatever the cells hold', () => {
  expect(
    layOut(
      pipe,
      ['a', 'b'],
      [
        ['x\ty\n', 1],
        [null, { text: 'z', colour: 'red' }],
      ],
    ),
  ).toBe('a\tb\nx\\ty\\n\t1\n\tz\n');
});

test('on a terminal prose is broken into lines at its spaces, in time that grows with its length (P7)', () => {
  const before = process.threadCpuUsage();
  const text = layOut(
    { ...terminal, columns: 80 },
    ['state', { header: 'reason', prose: true }],
    [[{ text: 'rejected', colour: 'red' }, 'word '.repeat(400_000)], ['waiting', 'x'.repeat(2_000_000)]],
  ); // prettier-ignore
  const { user, system } = process.threadCpuUsage(before);
  const lines = text.split('\n');
  expect(lines[2]).toBe(`\u001b[31mrejected\u001b[0m  ${'word '.repeat(14).trim()}`);
  expect(text.match(/word/g)).toHaveLength(400_000);
  expect(text.replaceAll(/[^x]/g, '')).toHaveLength(2_000_000);
  expect((user + system) / 1000).toBeLessThan(4000);
});

test('on a terminal it has colours, with numbers to the right', () => {
  const text = layOut(terminal, ['name', 'rows'], [['x', 5], ['y', { text: 12_345, colour: 'red' }]]); // prettier-ignore
  expect(text.split('\n').slice(2)).toEqual(['x         5', 'y     \u001b[31m12345\u001b[0m', '']);
});

test('colour is left out where it is not wanted', () => {
  expect(paint(pipe, 'red', 'x')).toBe('x');
  expect(paint(terminal, 'red', 'x')).toBe('\u001b[31mx\u001b[0m');
});

const NAME = 'HospitalABC_VisitPay_Transaction_[20260801_060000].txt';
const FILES = [
  'state',
  'name',
  { header: 'read', spare: 2 },
  { header: 'rejected', spare: 1 },
  { header: 'note', prose: true },
] as const;

test.each([80, 100, 120])('on a terminal of %i columns no line is longer, and no name is broken', (columns) => {
  const note = 'missing_column: the header in line 1 lacks VisitID; expected: VisitID, PatientName, VisitDate';
  const text = layOut({ ...terminal, columns, colour: false }, FILES, [
    ['quarantined', NAME, 1000, 12, note],
    ['ingested', NAME, 7, 0, ''],
  ]);
  const lines = text.trimEnd().split('\n');
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  expect(lines.filter((line) => line.includes(NAME))).toHaveLength(2);
  for (const word of note.split(' ')) expect(text).toContain(word);
});

test('a narrow terminal goes without the least important columns, and is told which', () => {
  const text = layOut({ ...terminal, columns: 78, colour: false }, FILES, [['ingested', NAME, 7, 0, 'late']]);
  expect(text.split('\n')).toEqual([
    `state     ${'name'.padEnd(NAME.length)}  rejected`,
    `────────  ${'─'.repeat(NAME.length)}  ────────`,
    `ingested  ${NAME}         0`,
    '    late',
    'Hidden at this width: read. Widen the terminal or use --json.',
    '',
  ]);
});

test('a name stands in a line above its row where what must stay has no room beside it, and there only', () => {
  const columns = [
    'state',
    { header: 'name', above: true },
    'rejected',
    { header: 'read', spare: 1 },
    { header: 'note', prose: true },
  ] as const;
  const show = (width: number) =>
    layOut({ ...terminal, columns: width, colour: false }, columns, [['ingested', NAME, 7, 12, 'late']]).split('\n');
  expect(show(74)[0]).toBe(`state     ${'name'.padEnd(NAME.length)}  rejected`);
  expect(show(73)).toEqual([
    'name',
    '  state     rejected  read  note',
    '  ────────  ────────  ────  ────',
    NAME,
    '  ingested         7    12  late',
    '',
  ]);
  // A name that is longer than the terminal is wrapped by it: it is copied whole.
  expect(show(40)[3]).toBe(NAME);
});

test('what is hidden is listed in the order of the columns, in lines that fit', () => {
  const columns = ['name', ...['a', 'b', 'c'].map((header, at) => ({ header: header.repeat(20), spare: at + 1 }))];
  const text = layOut({ ...terminal, columns: 60, colour: false }, columns, [['x'.repeat(58), 1, 2, 3]]);
  expect(text.split('\n').slice(3)).toEqual([
    `Hidden at this width: ${'a'.repeat(20)},`,
    `${'b'.repeat(20)}, ${'c'.repeat(20)}. Widen the`,
    'terminal or use --json.',
    '',
  ]);
});

test.each([78, 80])('a telling column that %i columns have no room for leads the prose below its row', (columns) => {
  const shown = [
    'state',
    { header: 'code', spare: 1, leads: true },
    'file',
    'line',
    { header: 'reason', prose: true },
  ] as const;
  const text = layOut({ ...terminal, columns, colour: false }, shown, [
    ['rejected', 'bad_money', NAME, 31, `Amount: ${'word '.repeat(20)}`],
    ['rejected', 'bad_date', NAME, 7, 'x'],
  ]);
  const lines = text.trimEnd().split('\n').slice(2);
  expect(lines[1]).toMatch(/^ {4}bad_money {2}Amount: word/);
  expect(lines.at(-1)).toBe('    bad_date  x');
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
});

test.each([1, 2, 5, 20, 39])('a terminal of %i columns shows a field a line, which it wraps by itself', (columns) => {
  const text = layOut({ ...terminal, columns, colour: false }, FILES, [
    ['quarantined', NAME, 1000, 12, 'missing_column: the header lacks it'],
    ['ingested', NAME, 7, 0, ''],
  ]);
  expect(text).toBe(
    `state: quarantined\nname: ${NAME}\nread: 1000\nrejected: 12\nnote: missing_column: the header lacks it\n\n` +
      `state: ingested\nname: ${NAME}\nread: 7\nrejected: 0\n`,
  );
});

test('a name in wide letters takes their place', () => {
  const text = layOut({ ...terminal, colour: false }, ['name', 'n'], [['日本', 1], ['Jose\u0301', 2]]); // prettier-ignore
  expect(text.split('\n').slice(2, 4)).toEqual(['日本  1', 'Jose\u0301  2']);
});
