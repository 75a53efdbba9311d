import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeOf, taker } from './take.ts';

test.each([
  ['(617) 555-0199', '6175550199'],
  ['617.555.0199', '6175550199'],
  ['+1 617 555-0199', '6175550199'],
  ['1-617-555-0199', '6175550199'],
  ['617-555-0199 x15', '6175550199x15'],
  ['+1(413)555-0111 ext. 16', '4135550111x16'],
  ['617 555 0199 extension 007', '6175550199x007'],
])('phone: %s is %s', (text, value) => {
  expect(taker('phone')(text)).toBe(value);
});

test.each([
  ['call me'],
  ['555-0199'],
  ['000-000-0000'],
  ['123-456-7890'],
  ['617-155-0199'],
  ['617-555-0199 home'],
  ['617-555-0199 or 617-555-0198'],
  ['1-800-FLOWERS'],
  ['+44 20 7946 0958'],
  ['6'.repeat(1000)],
])('phone: %s is refused', (text) => {
  expect(codeOf('phone', text)).toBe('bad_phone');
});

test('phone: numbers are those of the country that the feed names', () => {
  const take = taker('phone', { country: 'GB' });
  expect(take('020 7946 0958')).toBe('2079460958');
  expect(take('+44 20 7946 0958')).toBe('2079460958');
  expect(take('+1 617 555-0199')).toMatchObject({
    code: 'bad_phone',
    reason: 'Value: a phone number of another country than GB (country in the feed)',
  });
});

test('phone: the spellings of one number are one value, which is taken again as it is', () => {
  const take = taker('phone');
  const numbers = fc.tuple(
    fc.constantFrom('617', '413', '781', '508', '212', '312'),
    fc.integer({ min: 0, max: 9999 }).map((line) => String(line).padStart(4, '0')),
    fc.option(fc.integer({ min: 1, max: 99999 }), { nil: null }),
  );
  const spellings = [
    (area: string, line: string) => `(${area}) 555-${line}`,
    (area: string, line: string) => `${area}.555.${line}`,
    (area: string, line: string) => `+1 ${area} 555-${line}`,
    (area: string, line: string) => `1-${area}-555-${line}`,
    (area: string, line: string) => `+1(${area})555-${line}`,
    (area: string, line: string) => `${area}555${line}`,
  ];
  const extensions = [' x', 'x', ' ext. ', ' ext ', ' extension ', ' #'];
  fc.assert(
    fc.property(
      numbers,
      fc.constantFrom(...spellings),
      fc.constantFrom(...extensions),
      ([area, line, ext], spell, word) => {
        const value = `${area}555${line}${ext === null ? '' : `x${ext}`}`;
        expect(take(spell(area, line) + (ext === null ? '' : `${word}${ext}`))).toBe(value);
        expect(take(value)).toBe(value);
      },
    ),
  );
});

test.each(Array.from({ length: 21 }, (_, digits) => digits))(
  'an extension of %i digits is taken, and taken again as it is kept, or refused',
  (digits) => {
    const value = taker('phone')(`+1 (617) 555-0199 ext. ${'1234567890'.repeat(3).slice(0, digits)}`);
    if (typeof value === 'string') expect(taker('phone')(value)).toBe(value);
    expect(typeof value === 'string').toBe(digits > 0 && digits <= 9);
  },
);
