/** What a scenario is given. */
export interface Context {
  /** Transactions of the whole feed; every other size follows from it. */
  readonly rows: number;
  /** How often each load is run; the median counts. */
  readonly repeat: number;
  /** How long to wait before each measurement for a machine on which nothing else runs, ms. */
  readonly patienceMs: number;
  /** Says on stderr what is under way. */
  readonly say: (progress: string) => void;
}
