/** Where in a definition, e.g. `datasets`, 1, `name`. */
export type Path = readonly (string | number)[];

/** What is wrong with a definition, and where in it. */
export interface Problem {
  readonly path: Path;
  readonly problem: string;
}
