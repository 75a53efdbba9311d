/** What a scenario is given. */
export interface Context {
  /** Transactions of the whole feed; every other size follows from it. */
  readonly rows: number;
  /** How often each load is run; the median counts. */
  readonly repeat: number;
  /** Says on stderr what is under way. */
  readonly say: (progress: string) => void;
}
