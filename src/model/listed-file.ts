import type { Dataset } from './feed.ts';
import type { FileStat } from './ledger.ts';

/** A file of the feed as it was listed in the landing folder. */
export interface ListedFile {
  readonly name: string;
  readonly path: string;
  /** The descriptor of a file that has no name, to be read by it; whoever has opened it closes it. */
  readonly unnamed?: number;
  readonly dataset: Dataset;
  /** `YYYY-MM-DDThh:mm:ssZ` */
  readonly stamp: string;
  readonly stat: FileStat;
}
