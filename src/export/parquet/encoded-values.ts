import { createBytes } from './bytes.ts';
import type { Codec, Physical } from './codecs.ts';

/** Values that are encoded as they come: by a dictionary where they repeat, else one after the other. */
export interface EncodedValues {
  /** How many there are. */
  readonly count: number;
  /** Of the dictionary; 0: there is none. */
  readonly entries: number;
  /** The smallest and the largest; undefined: there is none. */
  readonly min: Physical | undefined;
  readonly max: Physical | undefined;
  /** See `ValueRange`. */
  readonly isSure: boolean;
  /** @throws RangeError, without the value, where it is none of the storage class */
  add(value: string | number): void;
  /** The entries of the dictionary, or all values where there is none, in the encoding PLAIN. */
  plain(): Uint8Array;
  /** For each value its place in the dictionary. */
  indexes(): Uint32Array;
  /** How much room they take up, in bytes. */
  size(): number;
  empty(): void;
}

/** A dictionary is given up where it has so many entries and saves less than half of the values, or … */
const TRIAL_ENTRIES = 4096;
/** … where it has so many. */
const MOST_ENTRIES = 65_536;

const FIRST_VALUES = 64;

/** Pairs of code units, which UTF-16 orders otherwise than UTF-8 does. */
const SURROGATE = /[\ud800-\udfff]/;

type Dictionary = Map<string | number, number>;

/** Takes the values of a column of one row group. */
export function createEncodedValues({ hasDictionary, physical, put }: Codec): EncodedValues {
  const bytes = createBytes();
  let count = 0;
  let dictionary: Dictionary | null = hasDictionary ? new Map() : null;
  let indexes = new Uint32Array(FIRST_VALUES);
  let min: Physical | undefined;
  let max: Physical | undefined;
  let isSure = true;

  function write(value: string | number): void {
    const kept = physical(value);
    if (min === undefined || kept < min) min = kept;
    if (max === undefined || kept > max) max = kept;
    if (typeof kept === 'string' && isSure) isSure = !SURROGATE.test(kept);
    put(kept, bytes);
  }

  /** The place of a value in the dictionary; null: it is to be given up. */
  function find(value: string | number, entries: Dictionary): number | null {
    const known = entries.get(value);
    if (known !== undefined) return known;
    if (entries.size >= MOST_ENTRIES || (entries.size >= TRIAL_ENTRIES && entries.size * 2 > count)) return null;
    write(value);
    entries.set(value, entries.size);
    return entries.size - 1;
  }

  function giveUp(entries: Dictionary): void {
    const distinct = [...entries.keys()];
    dictionary = null;
    bytes.empty();
    for (const index of indexes.subarray(0, count)) {
      const value = distinct[index];
      if (value !== undefined) put(physical(value), bytes);
    }
  }

  return {
    get count() {
      return count;
    },
    get entries() {
      return dictionary?.size ?? 0;
    },
    get min() {
      return min;
    },
    get max() {
      return max;
    },
    get isSure() {
      return isSure;
    },
    add(value) {
      const index = dictionary === null ? null : find(value, dictionary);
      if (index === null) {
        if (dictionary !== null) giveUp(dictionary);
        write(value);
      } else {
        if (count === indexes.length) {
          const larger = new Uint32Array(count * 2);
          larger.set(indexes);
          indexes = larger;
        }
        indexes[count] = index;
      }
      count++;
    },
    plain: () => bytes.content(),
    indexes: () => indexes.subarray(0, count),
    size: () => bytes.length + (dictionary === null ? 0 : 4 * count),
    empty() {
      bytes.empty();
      count = 0;
      dictionary = hasDictionary ? new Map() : null;
      min = max = undefined;
      isSure = true;
    },
  };
}
