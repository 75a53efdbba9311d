/** Something that needs someone, for as long as it lasts. Holds no value from a row (P8). */
export interface Condition {
  /** Stable for as long as it lasts, also over restarts: `overdue:Claim:2026-11-20`, `quarantined:NAME:2`, `fault:database`. */
  readonly id: string;
  readonly kind: ConditionKind;
  readonly severity: Severity;
  /** The dataset, file and period it is about; null: it is about none, or about several. */
  readonly dataset: string | null;
  readonly file: string | null;
  readonly period: string | null;
  /** One sentence, without its full stop. */
  readonly text: string;
  /** What to do; null: nothing is known. */
  readonly hint: string | null;
  /** ISO 8601, UTC; null: not known. */
  readonly since: string | null;
}

/**
 * - `fault`: the daemon or its database cannot work, or a file cannot be read; `daemon`: it does not run;
 *   `export`: one failed, and none has succeeded since.
 * - `quarantined`: a file was refused; `held`: one waits for its time, or for a decision; `unrecognised`: a name is not taken.
 * - `overdue`: a file that is expected has not come; `incomplete`: others of its set have.
 * - `volume`: a file was loaded whose number of rows is out of line; `rejected`: one of which many rows were rejected; `check`: one in
 *   which a check found rows that make no sense, or could not be run.
 */
export const CONDITION_KINDS = [
  ...(['fault', 'daemon', 'export'] as const),
  ...(['overdue', 'incomplete', 'quarantined', 'held', 'unrecognised', 'volume', 'check', 'rejected'] as const),
] as const;
export type ConditionKind = (typeof CONDITION_KINDS)[number];

/** `critical`: nothing goes in; `error`: data is missing; `warning`: someone should look. */
export type Severity = 'critical' | 'error' | 'warning';
