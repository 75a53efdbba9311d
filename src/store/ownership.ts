import type { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import type { Probe } from '../model/ledger.ts';
import type { Ending } from './attempts.ts';
import type { Store } from './store.ts';

/** Who writes a database. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** The verb, e.g. `run`. */
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** Whether someone writes a database; `unknown`: it cannot be asked, e.g. on read-only media, or is not there. */
export type LockState =
  { readonly kind: 'held'; readonly holder: Holder | null } | { readonly kind: 'free' } | { readonly kind: 'unknown' };

/** A database, and what it is to hold. */
export interface StorePlace {
  /** The setting `db`: a path, or a URL. */
  readonly db: string;
  readonly feed: Feed;
  /** The folder of the ledger's migrations, `NNNN_name.sql`; the feed's own lie in its folder. */
  readonly migrations: string;
  /** The version of Landfall, kept with every entry of the ledger. */
  readonly program: string;
}

/** How a database is opened for writing. */
export interface OpenOptions extends StorePlace {
  /** The landing folder that is read; of several daemons each has its own, or all share one. */
  readonly landing?: string;
  /** Memory for pages of the database, in MiB. */
  readonly cacheMib: number;
  /** Called at each instant where a crash must be harmless; the crash campaign kills the process there. */
  readonly probe?: Probe;
  /** Who this process is to others that want the database. */
  readonly holder: Holder;
  /** How the process before this one has ended, which may have left attempts open. */
  readonly before: Ending;
  readonly now: () => Date;
  /** Whether another writer, which may be on its way out, is waited for: 3 s. */
  readonly waitForWriter: boolean;
  readonly stop: AbortSignal;
  /**
   * Does a step, again and again while it fails with a fault that passes, for as long as the caller has patience.
   * @returns null: told to stop
   */
  readonly patiently: <T>(step: () => T | Promise<T>) => Promise<T | null>;
  /** Called when it is clear that what lies at the place of the database may become or is ours, before the lock is taken. */
  readonly onFound?: (() => void) | undefined;
  /** Called when the lock is taken, before the database is opened. */
  readonly onLocked?: (() => void) | undefined;
}

/** The opened store, which holds the lock; or another process holds it, with the error for whoever cannot do without. */
export type Opened =
  | { readonly kind: 'opened'; readonly store: Store }
  | { readonly kind: 'held'; readonly problem: LandfallError }
  | { readonly kind: 'stopped' };
