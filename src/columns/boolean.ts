import type { ColumnType } from './column-type.ts';

/** The words that are taken, in any capitals. */
const WORDS: Readonly<Record<string, 0 | 1>> = { true: 1, t: 1, yes: 1, y: 1, 1: 1, false: 0, f: 0, no: 0, n: 0, 0: 0 };
const LONGEST_WORD = 5;

const CODES = { bad_boolean: 'neither a yes nor a no, such as true, Y or 0' } as const;

/** Yes or no, kept as 1 or 0. */
export const boolean: ColumnType<keyof typeof CODES> = {
  storage: 'boolean',
  mayBeKey: false,
  codes: CODES,
  taken: ['true', 'false', 'T', 'F', 'Yes', 'No', 'y', 'n', '1', '0'],
  refused: ['maybe', 'X', 'on', '2', '-1'],
  parser(_rules, refuse) {
    const bad = refuse('bad_boolean', 'neither yes nor no; expected for example true or false, Y or N, 1 or 0');
    return (text) => parseBoolean(text) ?? bad;
  },
  recognises: (text) => parseBoolean(text) !== undefined,
};

function parseBoolean(text: string): 0 | 1 | undefined {
  return text.length > LONGEST_WORD ? undefined : WORDS[text.toLowerCase()];
}
