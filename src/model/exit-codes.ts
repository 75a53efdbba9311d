/** The program could not do what it was asked to. */
export const EXIT_FAILED = 1;
/** Data is missing, held or out of line: what `status --check --data` looks for. */
export const EXIT_DATA = 2;
/** All was done, but a file was quarantined or cannot be read, or a row was rejected, or something was found. */
export const EXIT_REFUSED = 3;
/** The database is damaged: starting again would not help, a person has to look. */
export const EXIT_DAMAGED = 4;

/** Every exit code with the sentence that the help and the documents print for it. */
export const EXIT_CODES = {
  0: 'done; rows may wait for a parent',
  [EXIT_FAILED]: 'could not run, or was stopped before it was done, or `status --check` found no healthy daemon',
  [EXIT_DATA]: '`status --check --data` found data overdue, incomplete, held, refused or out of line',
  [EXIT_REFUSED]:
    'done, but a file was quarantined or cannot be read, a row was rejected, or `verify` found something wrong, damage included',
  [EXIT_DAMAGED]: 'the database is damaged: starting again does not help, a person has to look',
} as const;
