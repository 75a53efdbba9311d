import type { ColumnType } from './column-type.ts';
import {
  DIRECTION_WORDS,
  LONE_UNIT_WORDS,
  OTHER_STREET_WORDS,
  STATE_CODES,
  STATES,
  STATES_LIKE_CITIES,
  SURE_STREET_WORDS,
  UNIT_WORDS,
} from './postal-words.ts';
import { remembered } from './remembered.ts';

/** Longer than any address; what is longer is something else. */
const MOST_CHARACTERS = 300;

const CONTROL = /[^\P{Cc}\r\n\t]/u;

const CODES = {
  bad_address: 'no address: nothing but punctuation, a control character, or more than 300 characters',
} as const;

/**
 * An address in one line, kept in the form of Project US@ (ONC's unified specification for addresses in health care, which stands on USPS
 * Publication 28): upper case, no punctuation, standard abbreviations of the street's suffix, directions, the unit and the state.
 * Whether there is such an address is not looked up.
 */
export const address: ColumnType<keyof typeof CODES> = {
  storage: 'text',
  mayBeKey: true,
  codes: CODES,
  taken: [
    '12 North Main Street, Apt. #5, Boston, Massachusetts 02155',
    '12 N MAIN ST APT 5 BOSTON MA 02155',
    'P.O. Box 7, Orleans, MA',
    '455 LABADIE UNDERPASS SUITE 69, Winchester, MA 01890-1234',
  ],
  refused: ['-', '?, ?'],
  parser(_rules, refuse) {
    const problems = {
      empty: refuse('bad_address', 'nothing but punctuation; expected for example 12 Main Street, Boston, MA 02155'),
      control: refuse('bad_address', 'a control character'),
      length: refuse('bad_address', `more than ${MOST_CHARACTERS} characters`),
    };
    const read = remembered((text) => {
      if (CONTROL.test(text)) return problems.control;
      const line = standardise(text);
      return line === '' ? problems.empty : line;
    });
    return (text) => (text.length > MOST_CHARACTERS ? problems.length : read(text));
  },
  recognises: null,
};

/** One word of an address, and whether a comma stood behind it. */
interface Word {
  readonly text: string;
  readonly ends: boolean;
}

/** The standard form of an address; empty: there is neither a letter nor a digit in it. */
function standardise(text: string): string {
  let line = text;
  // What is in standard form stays as it is, since it is read again until nothing changes. Each time a word gives way to its abbreviation.
  for (;;) {
    const next = abbreviate(wordsOf(line)).join(' ');
    if (next === line) return line;
    line = next;
  }
}

const MARKS = /\p{M}/gu;
const COMMAS = /[,;\r\n\t]/g;
/** Vanishes without parting words: `P.O.`, `WHITE'S`. */
const SILENT = /['\u2018\u2019\u02bc`]|\.(?!\d)|(?<!\d)\./g;
const OTHER_MARKS = /[^\p{L}\p{N}\s,#&/.-]/gu;
/** Kept only within a word or a number: `02155-1234`, `1/2`, `39.2`. */
const LOOSE = /(?<![\p{L}\p{N}])[-/]|[-/](?![\p{L}\p{N}])/gu;

/** The words in upper case, without punctuation. */
function wordsOf(text: string): Word[] {
  const plain = text
    .normalize('NFD')
    .replace(MARKS, '')
    .normalize('NFC')
    .toUpperCase()
    .replace(COMMAS, ', ')
    .replace(SILENT, '')
    .replace(OTHER_MARKS, ' ')
    .replace(LOOSE, ' ')
    .replaceAll('#', ' # ')
    .replaceAll('&', ' AND ')
    .replaceAll(',', ' , ');
  const words: Word[] = [];
  for (const token of plain.split(/\s+/)) {
    const before = words.at(-1);
    if (token === ',' && before !== undefined) words[words.length - 1] = { ...before, ends: true };
    else if (token !== ',' && token !== '') words.push({ text: token, ends: false });
  }
  return words.some((word) => word.text !== '#') ? words : [];
}

/** Puts the standard abbreviations in. */
function abbreviate(words: readonly Word[]): string[] {
  const { body, state, zip } = splitState(joinBox(words));
  return [...abbreviateStreet(body), ...state, ...zip];
}

/** `P O BOX 7` and `POST OFFICE BOX 7` as `PO BOX 7`. */
function joinBox(words: readonly Word[]): readonly Word[] {
  const [one, two, three] = words.map((word) => word.text);
  const isBox = three === 'BOX' && ((one === 'P' && two === 'O') || (one === 'POST' && two === 'OFFICE'));
  return isBox ? [{ text: 'PO', ends: false }, ...words.slice(2)] : words;
}

const ZIP = /^\d{5}(?:-\d{4})?$/;
const ZIP_9 = /^\d{9}$/;

/** Parts the state and the ZIP code, in standard form, from what stands before them. */
function splitState(words: readonly Word[]): { body: readonly Word[]; state: string[]; zip: string[] } {
  const last = words.at(-1)?.text ?? '';
  // A number alone is no ZIP code.
  const hasZip = words.length > 1 && (ZIP.test(last) || ZIP_9.test(last));
  const zip = hasZip ? [ZIP_9.test(last) ? `${last.slice(0, 5)}-${last.slice(5)}` : last] : [];
  const rest = hasZip ? words.slice(0, -1) : words;
  const none = { body: rest, state: [], zip };

  const code = rest.at(-1)?.text ?? '';
  if (STATE_CODES.has(code)) {
    const body = rest.slice(0, -1);
    // CT is a court, too, and MT a mount.
    const isWord = SURE_STREET_WORDS.has(code) || OTHER_STREET_WORDS.has(code) || DIRECTION_WORDS.has(code);
    return isWord && !hasZip && !hasSureStreet(body) ? none : { body, state: [code], zip };
  }
  for (let length = Math.min(4, rest.length - 1); length > 0; length--) {
    const name = rest.slice(-length).map((word) => word.text).join(' '); // prettier-ignore
    const abbreviation = STATES.get(name);
    if (abbreviation === undefined) continue;
    const body = rest.slice(0, -length);
    return STATES_LIKE_CITIES.has(name) && !hasCity(body) ? none : { body, state: [abbreviation], zip };
  }
  return none;
}

function hasSureStreet(body: readonly Word[]): boolean {
  const at = findStreetWord(body);
  return at !== null && SURE_STREET_WORDS.has(body[at]?.text ?? '');
}

/** Whether a word stands behind the street and its unit. */
function hasCity(body: readonly Word[]): boolean {
  const street = findStreetWord(body);
  const unit = findUnit(body);
  const end = Math.max(street ?? -1, unit === null ? -1 : unit + 1);
  return end >= 0 && end < body.length - 1;
}

/** Street, unit and city, in standard form. */
function abbreviateStreet(body: readonly Word[]): string[] {
  const out: (string | null)[] = body.map((word) => word.text);
  const street = findStreetWord(body);
  if (street !== null) {
    const word = out[street] ?? '';
    out[street] = SURE_STREET_WORDS.get(word) ?? OTHER_STREET_WORDS.get(word) ?? word;
  }
  abbreviateDirections(body, street, out);
  abbreviateUnits(body, out);
  return out.filter((word) => word !== null);
}

/** A direction before the street's name, not one that is the name, and one behind its suffix where nothing else can be meant. */
function abbreviateDirections(body: readonly Word[], street: number | null, out: (string | null)[]): void {
  const first = DIRECTION_WORDS.get(body[1]?.text ?? '');
  const firstUnit = findUnit(body);
  const nameEnds = Math.min(street ?? body.length, firstUnit ?? body.length);
  if (first !== undefined && startsWithNumber(body[0]) && nameEnds > 2) {
    const second = DIRECTION_WORDS.get(body[2]?.text ?? '');
    const both = `${first}${second ?? ''}`;
    if (second !== undefined && nameEnds > 3 && [...DIRECTION_WORDS.values()].includes(both)) {
      out[1] = both;
      out[2] = null;
    } else {
      out[1] = first;
    }
  }
  if (street === null) return;
  const behind = body[street + 1];
  const direction = DIRECTION_WORDS.get(behind?.text ?? '');
  if (behind === undefined || direction === undefined) return;
  // NORTH may begin a city's name; what is of two letters hardly does.
  const isLast = behind.ends || street + 2 === body.length || street + 2 === firstUnit;
  if (isLast || direction.length === 2) out[street + 1] = direction;
}

function abbreviateUnits(body: readonly Word[], out: (string | null)[]): void {
  for (const [at, word] of body.entries()) {
    if (at === 0) continue;
    const next = body[at + 1];
    if (isUnit(body, at)) {
      out[at] = UNIT_WORDS.get(word.text) ?? word.text;
      // APT # 5 is APT 5.
      if (next?.text === '#') out[at + 1] = null;
    } else if (UNIT_WORDS.get(word.text) === 'FL' && /^\d+(?:ST|ND|RD|TH)$/.test(body[at - 1]?.text ?? '')) {
      out[at] = 'FL';
    } else if (next === undefined || word.ends) {
      out[at] = at < 2 ? (out[at] ?? null) : (LONE_UNIT_WORDS.get(word.text) ?? out[at] ?? null);
    }
  }
}

/** Where the first unit stands, or null. */
function findUnit(body: readonly Word[]): number | null {
  const found = body.findIndex((word, at) => at > 1 && (word.text === '#' || isUnit(body, at)));
  return found < 0 ? null : found;
}

/** What may stand behind `APT`: with a digit, or one letter. */
const UNIT_NUMBER = /^(?:\p{L}|[\p{L}-]*\d[\p{L}\d/-]*)$/u;

function isUnit(body: readonly Word[], at: number): boolean {
  if (!UNIT_WORDS.has(body[at]?.text ?? '') || body[at]?.ends === true) return false;
  const next = body[at + 1]?.text;
  const number = next === '#' ? body[at + 2]?.text : next;
  return number !== undefined && UNIT_NUMBER.test(number);
}

function startsWithNumber(word: Word | undefined): boolean {
  return /^\d/.test(word?.text ?? '');
}

/**
 * Where the suffix of the street stands, or null: behind the number and a word of the name, and before the unit. Of several, the last of
 * the first that stand together, and one that hardly begins a city's name before others: `OLD MILL ROAD`, `MAIN STREET, FALLS CHURCH`.
 */
function findStreetWord(body: readonly Word[]): number | null {
  const unit = findUnit(body) ?? body.length;
  const candidates = body.flatMap((word, at) => {
    const isWord = SURE_STREET_WORDS.has(word.text) || OTHER_STREET_WORDS.has(word.text);
    return at > 1 && at < unit && isWord && !isNumberedHighway(body, at) ? [at] : [];
  });
  const sure = candidates.filter((at) => SURE_STREET_WORDS.has(body[at]?.text ?? ''));
  const chosen = sure.length > 0 ? sure : candidates;
  // In N ST CLAIR AVE it is a saint.
  const isSaint = (at: number) => at === 2 && DIRECTION_WORDS.has(body[1]?.text ?? '');
  let found = chosen.find((at) => !isSaint(at)) ?? chosen[0];
  if (found === undefined) return null;
  while (chosen.includes(found + 1)) found++;
  return found;
}

/** `HIGHWAY 44` is a name: it is not abbreviated. */
function isNumberedHighway(body: readonly Word[], at: number): boolean {
  const isHighway = ['HWY', 'RTE'].includes(SURE_STREET_WORDS.get(body[at]?.text ?? '') ?? '');
  return isHighway && /^\d/.test(body[at + 1]?.text ?? '');
}
