import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyPath, draftPath, readCopyPath } from '../../src/archive/name.ts';

const SHA = '0123456789abcdef'.repeat(4);
const AT = '2026-11-21T06:00:00.123Z';

test('the name of a copy says which file, when its bytes were taken, and which bytes', () => {
  expect(copyPath('in/Visit_[20261120].txt', AT, SHA)).toBe(
    '2026/11/in/Visit_[20261120].txt.20261121T060000.123Z.0123456789abcdef.zst',
  );
  expect(draftPath('in/Visit.txt', AT)).toBe('2026/11/in/.Visit.txt.20261121T060000.123Z.part');
});

test('what is written into the name of a copy is read from it, whatever letters the name has', () => {
  const name = fc
    .array(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('/'))
    .filter((text) => !text.includes('\0') && text.split('/').every((part) => !['', '.', '..'].includes(part)));
  const time = fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(name, time, (file, at) => {
      const takenAt = at.toISOString();
      const said = { name: file, takenAt, digest: '0123456789abcdef' };
      expect(readCopyPath(copyPath(file, takenAt, SHA))).toEqual(said);
      expect(readCopyPath(draftPath(file, takenAt))).toBeNull();
    }),
  );
});

test.each([
  '2026/11/Visit.txt.7',
  '2026/11/Visit.txt.20261121T060000.123Z.0123456789ABCDEF.zst',
  '2026/12/Visit.txt.20261121T060000.123Z.0123456789abcdef.zst',
  '2026/13/Visit.txt.20261321T060000.123Z.0123456789abcdef.zst',
  '2026/11/../Visit.txt.20261121T060000.123Z.0123456789abcdef.zst',
  '2026/11/.20261121T060000.123Z.0123456789abcdef.zst',
])('%s is not the name of a copy', (path) => {
  expect(readCopyPath(path)).toBeNull();
});

test.each(['../x', 'a/../b', '/x', 'a//b', '.', 'a\0b'])('%j leads nowhere in the archive', (name) => {
  expect(() => copyPath(name, AT, SHA)).toThrow(RangeError);
});
