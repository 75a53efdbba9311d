import type { ColumnType } from './column-type.ts';
import { TEXT_CODES, UNUSUAL } from './text.ts';

/** C0, DEL and C1. */
const CONTROL = /\p{Cc}/u;
/** What a spreadsheet makes of a long number. The sign is always there; `12E34` may be an identifier of its own. */
const DAMAGED = /^\d(?:[.,]\d+)?E\+\d{1,3}$/i;

const CODES = {
  ...TEXT_CODES,
  damaged_id: 'an identifier that a spreadsheet has turned into a number such as 1.23E+11',
} as const;

function identifier(
  what: string,
  taken: readonly string[],
  refused: readonly string[],
): ColumnType<keyof typeof CODES> {
  return {
    storage: 'text',
    mayBeKey: true,
    codes: CODES,
    taken,
    refused,
    parser(_rules, refuse) {
      const bad = refuse('bad_text', `a control character in the ${what}`);
      const damaged = refuse('damaged_id', 'a spreadsheet has turned it into a number with an exponent');
      return (text) => {
        if (UNUSUAL.test(text) && CONTROL.test(text)) return bad;
        return text.includes('+') && DAMAGED.test(text) ? damaged : text;
      };
    },
    recognises: null,
  };
}

/** Kept letter by letter, so that `000123` stays what it is. */
export const id = identifier('identifier', ['000123', 'aB-9', '12E34'], ['1.23E+11']);

/** A word of a code system; kept letter by letter. */
export const code = identifier('code', ['0099'], ['1.23457e+17']);
