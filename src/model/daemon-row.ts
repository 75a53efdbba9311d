/** A daemon that serves a database together with others, as it was last heard of. */
export interface DaemonRow {
  readonly host: string;
  readonly pid: number;
  readonly command: string;
  readonly program: string;
  readonly landing: string | null;
  readonly started_at: string;
  /** When it last said that it lives: ISO 8601, UTC, by the server's clock. */
  readonly beat: string;
  /** Whether that was of late. */
  readonly alive: boolean;
  /** The file in hand. */
  readonly file: string | null;
}
