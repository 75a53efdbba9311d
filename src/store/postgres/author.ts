import type { Feed } from '../../model/feed.ts';

/** Who writes the ledger. */
export interface Author {
  readonly feed: Feed;
  /** The version of Landfall. */
  readonly program: string;
}
