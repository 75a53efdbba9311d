import type { ColumnType } from './column-type.ts';
import { composed } from './composed.ts';

/** Anything but printable ASCII: only then is there more to look at. */
export const UNUSUAL = /[^\x20-\x7e]/;
/** C0, DEL and C1, but for the line breaks, which a quoted field may hold. */
const CONTROL_IN_LINE = /[^\P{Cc}\r\n]/u;

/** The code for control characters, of every type that is kept as text. */
export const TEXT_CODES = { bad_text: 'a control character in a text' } as const;

/** Put into Unicode's composed form (NFC); control characters other than line breaks are refused. */
export const text: ColumnType<keyof typeof TEXT_CODES> = {
  storage: 'text',
  mayBeKey: true,
  codes: TEXT_CODES,
  taken: ['José', '5" tube'],
  refused: [],
  parser(_rules, refuse) {
    const bad = refuse('bad_text', 'a control character in the text');
    return (value) => {
      if (!UNUSUAL.test(value)) return value;
      return CONTROL_IN_LINE.test(value) ? bad : composed(value);
    };
  },
  recognises: null,
};
