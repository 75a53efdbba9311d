import type { Probe } from './ledger.ts';

/** A folder of copies of what was read. */
export interface Archive {
  readonly folder: string;
  /** Called at each instant where a crash must be harmless; the crash campaign kills the process there. */
  readonly probe: Probe;
  /** What copies are sealed under; null: they are not. 32 bytes. */
  readonly sealing: Uint8Array | null;
  /** The folder is made once: one that goes away later is a mount that is gone. */
  made: boolean;
  /** How many drafts there may be that are not settled; before the ledger was asked, Infinity. */
  drafts: number;
  /** How many may be left until they are settled together, which costs the disk hardly more than one. */
  readonly draftsAtOnce: number;
}

/**
 * How the bytes of a content are kept.
 * - `none`: they are not.
 * - `copy`: a copy is made of what is read, before the commit. `behind`: when the revision was taken that it comes right behind (ISO
 *   8601, UTC), where that is not the latest one.
 * - `kept`: a copy is there, which is what is read.
 */
export type Keeping =
  | { readonly kind: 'none' }
  | { readonly kind: 'copy'; readonly archive: Archive; readonly behind: string | null }
  | { readonly kind: 'kept'; readonly takenAt: string; readonly path: string };

/** A copy that is being made for the archive. */
export interface CopyNote {
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  /** Where in the archive it belongs; null: its content is not committed. */
  readonly archivedTo: string | null;
  /** It lies in this daemon's archive; false: it may lie in that of another daemon, which is gone. */
  readonly isOwn: boolean;
}
