/** When files of a dataset are expected, as the feed says. */
export interface Expectation {
  /** The calendar unit that one delivery is for. Weeks begin on Monday. */
  readonly every: 'day' | 'week' | 'month';
  /** The day of the unit that ends it: of a week 1 (Monday) to 7, of a month 1 to 31, at most its last; of a day 1. */
  readonly on: number;
  /** The time of that day, in `zone`. */
  readonly by: { readonly hours: number; readonly minutes: number };
  /** So many days after that day. */
  readonly daysLater: number;
  /** How long after the deadline a missing file is told, in ms. */
  readonly graceMs: number;
  /** An IANA time zone. */
  readonly zone: string;
  /** How the stamps of the names are written: in UTC, as everywhere else, or in `zone`. */
  readonly stamps: 'utc' | 'zone';
  /** Days on which nothing is delivered. */
  readonly except: { readonly weekends: boolean; readonly dates: readonly string[] };
}

/** How many rows a file of a dataset may have, as the feed says. */
export interface VolumeRule {
  /** Null: no minimum. */
  readonly min: number | null;
  /** By which share (0.6 is 60 %) a file may differ from the median of the last deliveries; null: by any. */
  readonly change: number | null;
  /** What becomes of a file out of line: loaded with a warning, or held. */
  readonly severity: 'warn' | 'quarantine';
}
