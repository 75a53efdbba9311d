import type { ClientBase } from 'pg';
import type { Feed } from '../../model/feed.ts';
import { quoteName } from '../sql-names.ts';
import type { FileEntry, LoadedRows, RowBatch, RowText } from '../store.ts';
import { copyInto } from './copy.ts';
import { END_DIRECT, insertDirectly } from './direct-insert.ts';
import { lockFeed, lockFeedIfAlone } from './ledger-entry.ts';
import { lookAtTables } from './lookups.ts';
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
  /** Whether waiting rows may heal now: only where some rows needed a merge, since nothing waits for those that were inserted directly. */
  readonly mayHeal: boolean;
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
  /** Whether the tables of a merge are made. */
  let hasMerged = false;
  /** As in `Merging`, from one merge to the next. */
  let mergingRows = 0;
  /** Whether parts are merged; null: not decided yet. */
  let inParts: boolean | null = null;
  /** See `KnownRows`. Null: it is not known yet whether the table was empty before this file. */
  let trustsPrimaryKey: boolean | null = null;
  /** See `KnownRows`. Where the part before needed no merge, the next one probably needs none either. */
  let trustsForeignKeys = false;
  /** Whether a direct insert was refused. That leaves dead rows in the table until the next vacuum, so it may happen once in a file. */
  let wasInsertRefused = false;
  /** Whether a merged row was refused or waits: then others probably will, too, and a merge that is undone leaves dead rows as well. */
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
      const { singly, isEmpty, refusesOrphans } = await lookAtTables(client, feed, dataset, stage, staged);
      trustsPrimaryKey ??= isEmpty;
      const sql = mergeSql(feed, dataset, stage, singly);
      const merging: Merging = { client, dataset, stage, singly, sql, origin, mergingRows };
      const known = { repeats, trustsPrimaryKey, trustsForeignKeys: trustsForeignKeys && refusesOrphans };
      const inserted = await insertDirectly(merging, feed, staged, known);
      wasInsertRefused ||= inserted === 'refused';
      if (wasInsertRefused) trustsPrimaryKey = false;
      trustsForeignKeys = inserted === 'all' && !wasInsertRefused;
      if (inserted === 'all') return { ...NO_ROWS, inserted: staged };
      if (!hasMerged) await client.query(`${CREATE_SCRATCH}; ${stage.createMerging}`);
      hasMerged = true;
      const loaded = await mergeIncoming(merging, feed, rowText, refusesOrphans && !hadRefusals, onPart);
      mergingRows = merging.mergingRows;
      hadRefusals ||= loaded.waitingLines.length > 0 || loaded.refused.length > 0;
      return loaded;
    },
    async clear() {
      await client.query(`${END_DIRECT}; TRUNCATE ${stage.incoming}`);
      staged = 0;
      repeats = false;
    },
    get mayHeal() {
      return hasMerged;
    },
  };
}
