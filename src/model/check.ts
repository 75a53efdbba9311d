/** A query of a feed over the rows of one of its datasets: each row that it returns is a finding. */
export interface Check {
  /** That of its file, without `.sql`. */
  readonly name: string;
  /** `incoming`: the file's good rows, before they are merged; `tables`: what the database holds with them. */
  readonly on: 'incoming' | 'tables';
  /** What becomes of a file with findings: it is loaded and they are told, or it is held. One on the tables only warns. */
  readonly severity: 'warn' | 'quarantine';
  /** It is interrupted after so long. */
  readonly timeLimitMs: number;
}

/** What came of a check. It holds no value of a row (P8). */
export type CheckResult =
  | {
      readonly kind: 'ended';
      readonly check: Check;
      readonly rows: number;
      /** The first few that it returned as `source_line`; of one on the tables none, since they are lines of many files. */
      readonly lines: readonly number[];
    }
  /** Interrupted, or refused by the database in the middle; `problem`: why, e.g. `interrupted after 60 s`. */
  | { readonly kind: 'failed'; readonly check: Check; readonly problem: string };

/** Lines that are kept of a check's findings. */
export const FIRST_FINDINGS = 5;

/** Why a check has not ended, by the database's code for it. */
export function failedWith(code: string): string {
  return `failed (${code})`;
}

/** Why a check that was told to stop has not ended. */
export function interruptedAfter({ timeLimitMs }: Check): string {
  return `interrupted after ${timeLimitMs / 1000} s`;
}
