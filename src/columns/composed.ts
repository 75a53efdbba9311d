/**
 * More marks on one letter than any writing has: Unicode takes 30 for plenty
 * (https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format).
 */
const MOST_MARKS = 128;

/** Looked for from the first mark only, and no further: a loop without end over \p{M} gives up on millions of marks. */
const MANY_MARKS = new RegExp(`(?<!\\p{M})\\p{M}{${MOST_MARKS + 1}}`, 'u');

/**
 * A text in Unicode's composed form (NFC), in time that grows with its length: putting n marks on one letter in order takes n² steps,
 * so a text that has more of them on one than any writing has stays as it is.
 */
export function composed(text: string): string {
  return text.length > MOST_MARKS && MANY_MARKS.test(text) ? text : text.normalize('NFC');
}
