import type { FileStat } from '../model/ledger.ts';

/** A content that is read: its SHA-256 once that is known. */
export interface AttemptedContent {
  readonly name: string;
  readonly stat: FileStat;
  readonly sha256: string | null;
}

/** How often reading a content has ended badly. */
export interface Mishaps {
  /** What the content did: an unexpected error, a crash or a hang of the process that read it, seen by the one that attends it. */
  readonly failures: number;
  /** Ends of the program in the middle of it of which nobody knows why: it was killed, memory ran out, the host went down. */
  readonly deaths: number;
}

/** A file in the middle of which the program has ended. */
export interface Suspect {
  readonly name: string;
  /** What `unreadContent` gave of it. */
  readonly unread: string;
  readonly deaths: number;
  /** When the last death was found: ISO 8601, UTC. */
  readonly diedAt: string;
}

/** What is known of the end of the process that wrote the database before this one. */
export interface Ending {
  /** The process that attends this one has seen it crash, or has ended it for a hang. */
  readonly crashed: boolean;
  /** Until when (ISO 8601, UTC) a daemon ran that was stopped by killing what loads: that is nobody's fault. Null: it was not. */
  readonly cutShortAt: string | null;
}

/** What tells a content from another before a byte of it is read; afterwards its SHA-256 does. */
export function unreadContent(stat: FileStat): string {
  return [stat.bytes, stat.mtimeNs, stat.inode].join('-');
}
