import type { ClientBase } from 'pg';
import type { Feed } from '../../model/feed.ts';
import { quoteName } from '../sql-names.ts';
import type { FileEntry, LoadedRows, RowBatch, RowText } from '../store.ts';
import { copyInto } from './copy.ts';
import { END_DIRECT, insertDirectly } from './direct-insert.ts';
import { lockFeed, lockFeedIfAlone } from './ledger-entry.ts';
import { tablesAgainst } from './lookups.ts';
import { mergeSql } from './merge-sql.ts';
import { mergeIncoming } from './merge-incoming.ts';
import type { Merging, Origin } from './merge.ts';
import { CREATE_SCRATCH, type StagingTables } from './scratch.ts';

/**
 * So many rows are merged together while the next ones are read. With fewer of them what each merge costs weighs more; with more of them the
 * reading comes to a stand more often, and the stage outgrows the server's memory for temporary tables.
 */
export const PART_ROWS = 24_000;

/** What comes of no rows. */
export const NO_ROWS: LoadedRows = { inserted: 0, updated: 0, unchanged: 0, stale: 0, waitingLines: [], refused: [] };

/** The file whose rows are staged, and what they are merged with. */
export interface Staging {
  readonly client: ClientBase;
  readonly feed: Feed;
  readonly dataset: FileEntry['dataset'];
  readonly stage: StagingTables;
  readonly origin: Origin;
  readonly rowText: RowText;
  /** This run of the program, if rows may be merged before all are staged; else null. */
  readonly inPartsBy: string | null;
}

/** The rows of the file in hand on their way through the stage. */
export interface StagedRows {
  /** Makes the stage, unless it is there. */
  make(): Promise<void>;
  /** Puts rows into the stage. */
  add(batch: Pick<RowBatch, 'sets'>): Promise<void>;
  /** Whether what is staged is to be merged before more is added. Where it is, the feed is locked. */
  isDue(): Promise<boolean>;
  /** Merges what is staged, under the feed's lock. */
  merge(onPart: () => Promise<void>): Promise<LoadedRows>;
  /** Empties the stage of what is merged. */
  clear(): Promise<void>;
  /** Whether rows were merged: of those that are inserted directly nothing follows. */
  readonly isMerged: boolean;
}

/** Makes the stage of a file, which is empty. */
export function createStagedRows(staging: Staging): StagedRows {
  const { client, feed, dataset, stage, origin, rowText, inPartsBy } = staging;
  const columns = dataset.columns.map((column) => quoteName(column.name)).join(', ');
  const incoming = `${stage.incoming} (_seq, _byte_offset, _byte_length, ${columns})`;
  let staged = 0;
  /** Whether a key may be named more than once by what is staged. */
  let repeats = false;
  let isMade = false;
  let isMerged = false;
  /** How many rows were merged together last. */
  let mergedLast = 0;
  /** Whether parts are merged; null: not decided yet. */
  let inParts = inPartsBy === null ? false : null;
  /** Whether all rows of the table came from this file, each key once as far as is known; null: nothing is known yet. */
  let isOurs: boolean | null = null;
  /** Whether the part before needed no merge, nor probably does the next: its orphans are left to the foreign keys. */
  let isTrusted = false;
  let wasRefused = false;
  /** Whether a row of the file was refused, or waits: then more of them do. */
  let hadRefusals = false;
  const make = async (): Promise<void> => {
    if (!isMade) await client.query(stage.createIncoming);
    isMade = true;
  };

  return {
    make,
    async add({ sets }) {
      for (const [at, { count, rows }] of sets.entries()) {
        if (count === 0) continue;
        await make();
        await copyInto(client, incoming, rows);
        staged += count;
        repeats ||= at > 0;
      }
    },
    async isDue() {
      if (staged < PART_ROWS) return false;
      return (inParts ??= inPartsBy !== null && (await lockFeedIfAlone(client, feed, inPartsBy)));
    },
    async merge(onPart) {
      if (staged === 0) {
        await lockFeed(client, feed);
        return NO_ROWS;
      }
      const { singly, isEmpty, refusesOrphans } = await tablesAgainst(client, feed, dataset, stage, staged);
      isOurs ??= isEmpty;
      const sql = mergeSql(feed, dataset, stage, singly);
      const merging: Merging = { client, dataset, stage, singly, sql, origin, staged: mergedLast };
      const known = { repeats, isOurs, isTrusted: isTrusted && refusesOrphans };
      const inserted = await insertDirectly(merging, feed, staged, known);
      // What was refused takes up room in the table until it is vacuumed: once in a file.
      wasRefused ||= inserted === 'refused';
      if (wasRefused) isOurs = false;
      isTrusted = inserted === 'all' && !wasRefused;
      if (inserted === 'all') return { ...NO_ROWS, inserted: staged };
      if (!isMerged) await client.query(`${CREATE_SCRATCH}; ${stage.createMerging}`);
      isMerged = true;
      const loaded = await mergeIncoming(merging, feed, rowText, refusesOrphans && !hadRefusals, onPart);
      mergedLast = merging.staged;
      // What was refused leaves the room it took in the table to the next vacuum: once in a file.
      hadRefusals ||= loaded.waitingLines.length > 0 || loaded.refused.length > 0;
      return loaded;
    },
    async clear() {
      await client.query(`${END_DIRECT}; TRUNCATE ${stage.incoming}`);
      staged = 0;
      repeats = false;
    },
    get isMerged() {
      return isMerged;
    },
  };
}
