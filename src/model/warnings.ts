import type { WarningCode } from './codes.ts';

/** What is doubtful about a file: for each code how often, and the first lines. Kept as JSON in `files.warnings`. */
export type Warnings = Readonly<Partial<Record<WarningCode, Warning>>>;

export interface Warning {
  readonly count: number;
  /** The first few. */
  readonly lines: readonly number[];
}

/** The warnings as a list. */
export function listWarnings(warnings: Warnings): readonly (Warning & { readonly code: WarningCode })[] {
  return Object.entries(warnings).map(([code, warning]) => ({ code: code as WarningCode, ...warning }));
}
