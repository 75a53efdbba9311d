import type { StorageClass, Value } from './column-type.ts';

/** What is done to a value before it is stored. */
export interface Protection {
  /** How its result is stored; null: as the value would be. */
  readonly storage: StorageClass | null;
  /** The storage classes of the values it can be used on. */
  readonly of: readonly StorageClass[];
  /** Whether equal values stay equal and different ones different, as a key must. */
  readonly keepsKeys: boolean;
  /** One sentence for the documents. */
  readonly says: string;
  /** Makes what protects the values of one file. */
  readonly make: (context: ProtectionContext) => (value: string | number) => Value;
}

/** What a protection may need. */
export interface ProtectionContext {
  /** Keyed hash of a text, as hex. */
  readonly hash: (text: string) => string;
  /** The year in which the file was taken. */
  readonly year: number;
}

/** The year that stands for all who are over 89. */
const OVER_89 = 1900;

/**
 * The first three digits that 20,000 people or fewer live behind, by the census of 2000: the guidance of the Department of Health
 * and Human Services on 45 CFR 164.514(b) lists them.
 */
const SPARSE = new Set('036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893'.split(' '));

const TEXT: readonly StorageClass[] = ['text'];
const ANY: readonly StorageClass[] = ['text', 'integer', 'number', 'decimal', 'date', 'timestamp', 'boolean'];
const HIDDEN = /[\p{L}\p{N}]/gu;
const IS_HIDDEN = /^[\p{L}\p{N}]$/u;

/** What `protect` of a column can say. */
export const PROTECTIONS = {
  hash: {
    storage: 'text',
    of: ANY,
    keepsKeys: true,
    says: 'HMAC-SHA-256 of the normalised value, 64 hex digits: equal values stay equal, so that joins and counts still work',
    make:
      ({ hash }) =>
      (value) =>
        hash(String(value)),
  },
  mask: {
    storage: 'text',
    of: TEXT,
    keepsKeys: false,
    says: 'the first letter or digit, and a star for each other one; spaces and punctuation stay: `M********`',
    make: () => (value) => mask(String(value), 'first', 1),
  },
  last4: {
    storage: 'text',
    of: TEXT,
    keepsKeys: false,
    says: 'the last four letters or digits, never more than half of them, and a star for each other one: `***-**-6789`',
    make: () => (value) => mask(String(value), 'last', 4),
  },
  year: {
    storage: 'text',
    of: ['date', 'timestamp'],
    keepsKeys: false,
    says: `the year; ${OVER_89} stands for all years that are 90 or more years before the file was taken`,
    make:
      ({ year }) =>
      (value) => {
        const written = Number(String(value).slice(0, 4));
        return String(written <= year - 90 ? OVER_89 : written).padStart(4, '0');
      },
  },
  zip3: {
    storage: 'text',
    of: TEXT,
    keepsKeys: false,
    says: 'the first three digits of a ZIP code; `000` for the 17 that stand for 20,000 people or fewer, and for what is no ZIP code',
    make: () => (value) => zip3(String(value)),
  },
  drop: {
    storage: null,
    of: ANY,
    keepsKeys: false,
    says: 'nothing',
    make: () => () => null,
  },
} as const satisfies Record<string, Protection>;

export type ProtectionName = keyof typeof PROTECTIONS;

/** Puts a star for every letter and digit but some at one end. A value may have millions: nothing is kept or called for each. */
function mask(text: string, end: 'first' | 'last', most: number): string {
  const near = placesAt(text, end, 2 * most);
  const place = near[Math.min(most, Math.floor(near.length / 2)) - 1];
  if (place === undefined) return text.replace(HIDDEN, '*');
  return end === 'first'
    ? text.slice(0, place.to) + text.slice(place.to).replace(HIDDEN, '*')
    : text.slice(0, place.from).replace(HIDDEN, '*') + text.slice(place.from);
}

/** Where letters and digits stand, at most so many, from one end on. */
function placesAt(text: string, end: 'first' | 'last', most: number): readonly Place[] {
  const places: Place[] = [];
  let at = end === 'first' ? 0 : text.length;
  while (places.length < most && (end === 'first' ? at < text.length : at > 0)) {
    const from = end === 'first' ? at : startOfLast(text, at);
    const character = String.fromCodePoint(text.codePointAt(from) ?? 0);
    at = end === 'first' ? from + character.length : from;
    if (IS_HIDDEN.test(character)) places.push({ from, to: from + character.length });
  }
  return places;
}

interface Place {
  readonly from: number;
  readonly to: number;
}

/** Where the character begins that ends before a place: some are of two code units. */
function startOfLast(text: string, end: number): number {
  return end > 1 && (text.codePointAt(end - 2) ?? 0) > 0xffff ? end - 2 : end - 1;
}

const ZIP = /^(\d{3})\d{2}(?:-?\d{4})?$/;

function zip3(text: string): string {
  const [, digits = '000'] = ZIP.exec(text) ?? [];
  return SPARSE.has(digits) ? '000' : digits;
}
