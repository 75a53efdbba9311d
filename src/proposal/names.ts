/** Names that a column of a feed cannot have, since SQLite keeps them for itself. */
const TAKEN = ['rowid', 'oid'];
const LONGEST = 60;

/** A header cell, or another word, as the name of a column or table: `PatientID` becomes `patient_id`. */
export function toIdentifier(word: string): string {
  const snake = word
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, LONGEST)
    .replace(/^_|_$/g, '');
  if (snake === '') return 'column';
  // source_ is where a row comes from.
  const isTaken = TAKEN.includes(snake) || snake.startsWith('source_') || /^\d/.test(snake);
  return isTaken ? `sent_${snake}` : snake;
}

/** The names, each made another where it stood before: `name`, `name_2`. */
export function distinct(names: readonly string[]): readonly string[] {
  const used = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let count = 2; used.has(free); count++) free = `${name}_${count}`;
    used.add(free);
    return free;
  });
}

/** `claim_line` becomes `claim_lines`; what ends as a plural stays. */
export function plural(word: string): string {
  if (/[^s]s$/.test(word)) return word;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return /(?:s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`;
}

/** `patients` becomes `patient`, `categories` `category`. */
export function singular(word: string): string {
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (/(?:ss|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}
