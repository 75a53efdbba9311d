import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DIRECTION_WORDS, OTHER_STREET_WORDS, SURE_STREET_WORDS, UNIT_WORDS } from '../../src/columns/postal-words.ts';
import { codeOf, taker } from './take.ts';

const take = taker('address');

test.each([
  ['784 Stamm Lock Unit 46, Somerville, MA 02155', '784 STAMM LCK UNIT 46 SOMERVILLE MA 02155'],
  ['171 KEMMER NECK APT 30, Mashpee, Massachusetts ', '171 KEMMER NCK APT 30 MASHPEE MA'],
  ['  940 Daniel Union , Orleans, MA 02653', '940 DANIEL UN ORLEANS MA 02653'],
  ['1018 Hyatt Divide Suite 59, Turners Falls, Massachusetts 01376', '1018 HYATT DV STE 59 TURNERS FALLS MA 01376'],
  ['128 Farrell Throughway, North Attleborough, Massachusetts', '128 FARRELL TRWY NORTH ATTLEBOROUGH MA'],
  ['12 North Main Street, Apt. #5, Boston, Massachusetts 02155-1234', '12 N MAIN ST APT 5 BOSTON MA 02155-1234'],
  ['12 NORTH EAST MAIN STREET', '12 NE MAIN ST'],
  ['100 SOUTH STREET', '100 SOUTH ST'],
  ['163 N. Main St., #4', '163 N MAIN ST # 4'],
  ['12 Old Mill Pond Road', '12 OLD MILL POND RD'],
  ['12 Country Club Road', '12 COUNTRY CLUB RD'],
  ['789 Main Avenue Drive', '789 MAIN AVENUE DR'],
  ['12 Main Street, Falls Church, Virginia 22046', '12 MAIN ST FALLS CHURCH VA 22046'],
  ['12 Main Street Falls Church VA 22046', '12 MAIN ST FALLS CHURCH VA 22046'],
  ['100 Main St North', '100 MAIN ST N'],
  ['100 Main St Northwest, Washington, District of Columbia', '100 MAIN ST NW WASHINGTON DC'],
  ['5 W 4th St, New York, New York 10012', '5 W 4TH ST NEW YORK NY 10012'],
  ['5 W 4th St, New York', '5 W 4TH ST NEW YORK'],
  ['12 Oak Ct', '12 OAK CT'],
  ['12 Park Mill Court', '12 PARK MILL CT'],
  ['12 Park Mill CT', '12 PARK MILL CT'],
  ['12 Elm Street, Hartford, CT 06101', '12 ELM ST HARTFORD CT 06101'],
  ['106 UNITED STATES HIGHWAY 44', '106 UNITED STATES HIGHWAY 44'],
  ['12 Ocean Highway', '12 OCEAN HWY'],
  ['100 Avenue of the Americas', '100 AVENUE OF THE AMERICAS'],
  ["23 A2 WHITE'S PATH", '23 A2 WHITES PATH'],
  ['67 & 69 HEUN DRIVE', '67 AND 69 HEUN DR'],
  ['12 North St Clair Avenue', '12 N ST CLAIR AVE'],
  ['152 N ST', '152 N ST'],
  ['152 North Street', '152 NORTH ST'],
  ['P.O. Box 7, Orleans, MA', 'PO BOX 7 ORLEANS MA'],
  ['Post Office Box 7', 'PO BOX 7'],
  ['101 1/2 Main Street, 2nd Floor', '101 1/2 MAIN ST 2ND FL'],
  ['112-10 Bronx Road', '112-10 BRONX RD'],
  ['12 José Martí Boulevard', '12 JOSE MARTI BLVD'],
  ['12 Main Street\r\nBoston, MA 021551234', '12 MAIN ST BOSTON MA 02155-1234'],
  ['57 RT', '57 RT'],
  ['?', null],
  ['.', null],
])('address: %j is %j', (text, value) => {
  if (value === null) expect(codeOf('address', text)).toBe('bad_address');
  else expect(take(text)).toBe(value);
});

test('address: a text that is none is refused', () => {
  for (const text of ['- -', '#', 'a\u0000b', 'x'.repeat(301)]) expect(codeOf('address', text)).toBe('bad_address');
});

const word = fc.constantFrom(
  ...[...SURE_STREET_WORDS.keys(), ...OTHER_STREET_WORDS.keys(), ...UNIT_WORDS.keys(), ...DIRECTION_WORDS.keys()],
  ...[
    '12',
    '5',
    'A',
    'OAK',
    'NEW YORK',
    'NEW',
    'YORK',
    'MASSACHUSETTS',
    'MA',
    'CT',
    'NE',
    '02155',
    '#',
    ',',
    '2ND',
    "O'HARA",
    '1/2',
    '-',
  ],
);

test('address: whatever is taken is taken again as it is', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), (words) => {
      const value = take(words.join(' '));
      if (typeof value === 'string') expect(take(value)).toBe(value);
    }),
    { numRuns: 1000 },
  );
});

/** What belongs together is written in two ways. */
const STREETS = [
  ['MAIN STREET', 'Main St.'],
  ['OLD MILL ROAD', 'old mill rd'],
  ['HYATT DIVIDE', 'Hyatt Dv'],
  ['N KEMMER NECK', 'North Kemmer Nck'],
  ['KINGS HIGHWAY', 'King\u2019s Hwy'],
] as const;
const UNITS = [
  ['', ''],
  [' APT 5', ', Apartment #5'],
  [' STE B', ' Suite B'],
  [' # 7', ', #7'],
] as const;
const CITIES = [
  ['BOSTON MA 02155', ', Boston, Massachusetts 02155'],
  ['NORTH ADAMS MA', ', North Adams, MA'],
  ['NEW YORK NY 10012', ', New York, New York 10012'],
  ['EAST HARWICH MA 02645-0001', ',  East  Harwich , MA 02645-0001'],
] as const;

test('address: the spellings of one address are one value', () => {
  const choice = fc.tuple(
    fc.nat({ max: 9999 }),
    fc.constantFrom(...STREETS),
    fc.constantFrom(...UNITS),
    fc.constantFrom(...CITIES),
  );
  fc.assert(
    fc.property(
      choice,
      fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
      ([number, street, unit, city], [a, b, c]) => {
        const one = `${number} ${street[0]}${unit[0]} ${city[0]}`;
        const other = `${number} ${street[a ? 1 : 0]}${unit[b ? 1 : 0]}${c ? city[1] : ` ${city[0]}`}`;
        expect(take(other)).toBe(take(one));
      },
    ),
  );
});
