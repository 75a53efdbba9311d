/** The program could not do what it was asked to. */
export const EXIT_FAILED = 1;
/** Everything was taken, but a file was quarantined or a row rejected. */
export const EXIT_REFUSED = 3;
/** The database is damaged: starting again would not help, a person has to look. */
export const EXIT_DAMAGED = 4;
