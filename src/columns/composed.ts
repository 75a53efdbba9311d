/**
 * More marks on one letter than any writing has: Unicode takes 30 for plenty
 * (https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format).
 */
const MOST_MARKS = 128;

/**
 * A text in Unicode's composed form (NFC), in time that grows with its length: putting n marks on one letter in order takes n² steps,
 * so a text that has more of them on one than any writing has stays as it is.
 */
export function composed(text: string): string {
  return text.length > MOST_MARKS && hasManyMarks(text) ? text : text.normalize('NFC');
}

function hasManyMarks(text: string): boolean {
  for (const { 0: marks } of text.matchAll(/\p{M}+/gu)) if (marks.length > MOST_MARKS) return true;
  return false;
}
