import { createRequire } from 'node:module';
import type { CountryCode } from 'libphonenumber-js/min';
import type { ColumnType } from './column-type.ts';
import { remembered } from './remembered.ts';

/** Longer than any number with its extension, in any spelling. */
const MOST_CHARACTERS = 60;
/** With `x` before it, as it is kept, the library takes no longer extension; behind `ext.` it would. */
const MOST_EXTENSION_DIGITS = 9;
/** Where a feed names no country. */
const DEFAULT_COUNTRY = 'US';

const CODES = { bad_phone: 'not a phone number that can exist, such as (617) 555-0199 or 617-555-0199 x12' } as const;

/**
 * A phone number, kept as its national digits, with `x` and the extension behind them: `6175550199x12`. However it was written, one
 * number is one value. Numbers of other countries are refused: without a country code they could not be told apart.
 */
export const phone: ColumnType<keyof typeof CODES> = {
  storage: 'text',
  mayBeKey: true,
  codes: CODES,
  parameters: ['country'],
  taken: [
    '(617) 555-0199',
    '617.555.0199',
    '+1 617 555-0199',
    '1-617-555-0199',
    '6175550199',
    '617-555-0199 x12',
    '+1(617)555-0199 ext. 12',
  ],
  refused: ['call me', '555-0199', '000-000-0000', '617-555-0199 home', '+44 20 7946 0958'],
  parser(_rules, refuse, { country = DEFAULT_COUNTRY }) {
    const example = 'expected for example (617) 555-0199 or 617-555-0199 x12';
    const bad = refuse(
      'bad_phone',
      country === DEFAULT_COUNTRY ? `not a phone number; ${example}` : 'not a phone number',
    );
    const foreign = refuse('bad_phone', `a phone number of another country than ${country} (country in the feed)`);
    const parse = createParser(country);
    const read = remembered((text) => {
      const found = parse(text);
      return found === null ? bad : (found ?? foreign);
    });
    return (text) => (text.length > MOST_CHARACTERS ? bad : read(text));
  },
  recognises: (text, _rules, { country = DEFAULT_COUNTRY }) =>
    text.length <= MOST_CHARACTERS && typeof createParser(country)(text) === 'string',
};

const require = createRequire(import.meta.url);

/** The library, loaded when the first phone is read: it takes 10 ms and more. */
function library(): typeof import('libphonenumber-js/min') {
  return require('libphonenumber-js/min') as typeof import('libphonenumber-js/min');
}

/** Whether numbers of a country can be read. */
export function isCountry(country: string): boolean {
  return library().isSupportedCountry(country);
}

/** Reads a number: national digits with the extension; null: it is none; undefined: one of another country. */
function createParser(country: string): (text: string) => string | null | undefined {
  const { parsePhoneNumberFromString, getCountryCallingCode } = library();
  const defaultCountry = country as CountryCode;
  const callingCode = getCountryCallingCode(defaultCountry);
  return (text) => {
    // Not to be looked for in a sentence: what stands around it may say that it is no longer theirs.
    const found = parsePhoneNumberFromString(text, { defaultCountry, extract: false });
    if (found?.isValid() !== true) return null;
    if (found.countryCallingCode !== callingCode) return undefined;
    if (found.ext === undefined) return found.nationalNumber;
    return found.ext.length > MOST_EXTENSION_DIGITS ? null : `${found.nationalNumber}x${found.ext}`;
  };
}
