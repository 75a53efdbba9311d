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

test('on a terminal a long value is broken into lines, in time that grows with its length (P7)', () => {
  const before = process.threadCpuUsage();
  const text = layOut(terminal, ['state', 'as sent'], [[{ text: 'rejected', colour: 'red' }, 'x'.repeat(16_384)], ['waiting', 'y']]); // prettier-ignore
  const { user, system } = process.threadCpuUsage(before);
  const lines = text.split('\n').slice(3, -2);
  expect(lines.join('').replaceAll(/[^x]/g, '').length).toBe(16_384);
  expect(lines[0]).toContain('\u001b[31mrejected');
  expect(lines[1]).toMatch(/^│ +│ x+ │$/);
  expect(lines.at(-1)).toMatch(/^│ waiting +│ y +│$/);
  expect((user + system) / 1000).toBeLessThan(2000);
});

test('on a terminal it has rules and colours, with numbers to the right', () => {
  const text = layOut(terminal, ['name', 'rows'], [['x', 5], ['y', { text: 12_345, colour: 'red' }]]); // prettier-ignore
  expect(text).toContain('│');
  expect(text).toContain('     5 │');
  expect(text).toContain('\u001b[31m12345\u001b[0m');
});

test('colour is left out where it is not wanted', () => {
  expect(paint(pipe, 'red', 'x')).toBe('x');
  expect(paint(terminal, 'red', 'x')).toBe('\u001b[31mx\u001b[0m');
});

test('a table that is too wide for the terminal is wrapped, not cut', () => {
  const text = layOut(
    { ...terminal, columns: 80, colour: false },
    ['a', 'b', 'n'],
    [['x'.repeat(70), 'y'.repeat(30), 12345]],
  );
  for (const line of text.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text.replaceAll(/[^x]/g, '')).toHaveLength(70);
  expect(text.replaceAll(/[^y]/g, '')).toHaveLength(30);
  expect(text).toContain('12345');
});

test('a value of very many lines is shown in tables that the library lays out in time, nothing of it cut', () => {
  const text = layOut({ ...terminal, columns: 40, colour: false }, ['a', 'b'], [['y', 'x'.repeat(64 * 1024)]]);
  const heights = text.split('┌').map((table) => table.split('\n').length);
  expect(heights.length).toBeGreaterThan(3);
  expect(Math.max(...heights)).toBeLessThan(510);
  expect(text.replaceAll(/[^x]/g, '')).toHaveLength(64 * 1024);
});
