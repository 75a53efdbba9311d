/** How Landfall is set up: flags, then LANDFALL_* variables, then a settings file, then defaults. Paths are absolute. */
export interface Settings {
  readonly landing: string;
  readonly db: string;
  readonly feed: string;
  /** How long a file's size and times must have stood still before it is read, in ms; 0 takes it at once. */
  readonly settleMs: number;
  /** A cron expression: when the landing folder is listed even if nothing was heard of it. */
  readonly rescan: string;
  /** What becomes of an ingested file. */
  readonly after: 'keep' | 'archive';
  /** How long an ingested file must have been still before it is archived, in ms. */
  readonly archiveAfterMs: number;
  /** Where to archive to; null: `archive/` in the landing folder. */
  readonly archiveDir: string | null;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `auto`: pretty on a terminal, else json. */
  readonly logFormat: 'auto' | 'json' | 'pretty';
  /** SQLite's page cache in MiB. */
  readonly cacheMib: number;
}
