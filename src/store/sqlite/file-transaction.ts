import { asReject } from '../refused-row.ts';
import type { FileEntry, FileTransaction, LoadedRows, RefusedRow, RowBatch, RowSet, RowText } from '../store.ts';
import { isAccepted } from './decisions.ts';
import { completeFile, lastFormat, lastRowCounts, lastRowsEnd } from './ledger-entry.ts';
import { beginIncoming, type Checking } from './checking.ts';
import type { DatasetWriter } from './dataset-writer.ts';
import { asFault, guardFaults } from './faults.ts';
import type { FeedWriter } from './feed-writer.ts';
import { type IndexPlan, planIndexes } from './indexes.ts';
import type { Origin } from './merge.ts';
import type { OpenDatabase } from './open.ts';
import type { FreedRows } from './scratch.ts';

/** A file that is entered in the ledger, in the middle of its load. */
interface Load {
  readonly database: OpenDatabase;
  readonly feedWriter: FeedWriter;
  readonly writer: DatasetWriter;
  readonly entry: FileEntry;
  readonly origin: Origin;
  readonly freed: FreedRows;
  readonly rowText: RowText;
  /** Rows whose key was said before: once, twice, and so on. */
  readonly again: RowSet[][];
  /** Made with the first batch. */
  indexes: IndexPlan | null;
  /** What the call in hand has come to so far. */
  loaded: Loaded;
}

type Loaded = Record<'inserted' | 'updated' | 'unchanged' | 'stale', number> & {
  waitingLines: number[];
  refused: RefusedRow[];
};

/**
 * The load of a file that is entered in the ledger, inside a transaction that the caller begins and ends.
 *
 * A key that comes twice is merged twice: its second row when all first rows are in. Merges are made as large as pays: at once where
 * the table's indexes are no matter, and of all rows up to the next end where rows gain by being sorted.
 */
export function createFileTransaction(
  database: OpenDatabase,
  feedWriter: FeedWriter,
  checking: Checking,
  fileId: number,
  entry: FileEntry,
  rowText: RowText,
): FileTransaction {
  const { dataset } = entry;
  const origin: Origin = { fileId, stamp: entry.stamp, now: entry.startedAt.toISOString() };
  const writer = feedWriter.of(dataset);
  const freed = feedWriter.begin(rowText);
  const incoming = beginIncoming(checking, dataset);
  const load: Load = {
    ...{ database, feedWriter, writer, entry, origin, freed, rowText },
    again: [],
    indexes: null,
    loaded: nothingLoaded(),
  };
  const answer = <T>(work: () => T): Promise<T> => Promise.try(() => guardFaults('ingest', database.file, work));
  const answerLater = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asFault('ingest', database.file, error);
    }
  };

  return {
    fileId,
    async load(batch) {
      await incoming.add(batch.sets);
      return await answer(() => loadBatch(load, batch));
    },
    reject: (rows) =>
      answer(() => {
        for (const row of rows) feedWriter.reject(fileId, dataset.name, row);
      }),
    checkIncoming: (stop) => incoming.check(stop),
    endRows: (onPart) => answerLater(() => endRows(load, onPart)),
    heal: (onChunk) =>
      answerLater(() =>
        feedWriter.heal(dataset, origin, freed, async () => {
          database.probe('healing');
          await onChunk();
        }),
      ),
    lastFormat: () => answer(() => lastFormat(database, dataset)),
    lastRowsEnd: () => answer(() => lastRowsEnd(database, entry)),
    lastRowCounts: (most) => answer(() => lastRowCounts(database, entry, most)),
    isAccepted: (code) => answer(() => isAccepted(database, entry, code)),
    complete: (totals, now) => answer(() => completeFile(database, fileId, entry, totals, now)),
  };
}

function nothingLoaded(): Loaded {
  return { inserted: 0, updated: 0, unchanged: 0, stale: 0, waitingLines: [], refused: [] };
}

/** What was merged since the last time that this was asked. */
function takeLoaded(load: Load): LoadedRows {
  const { loaded } = load;
  load.loaded = nothingLoaded();
  return loaded;
}

function loadBatch(load: Load, batch: RowBatch): LoadedRows {
  const { database, entry } = load;
  load.indexes ??= planIndexes(database.db, entry.dataset.table, (entry.stat.bytes / batch.bytesRead) * batch.read);
  const [first, ...again] = batch.sets;
  if (first !== undefined) loadSet(load, first, load.indexes);
  // Copied: the memory of a batch is used again for another one.
  for (const [times, { count, rows, places }] of again.entries()) {
    if (count > 0) (load.again[times] ??= []).push({ count, rows: rows.slice(), places: places.slice() });
  }
  if (batch.ends) {
    mergePending(load);
    while (mergeNextTurn(load));
  }
  database.probe('reading');
  return takeLoaded(load);
}

async function endRows(load: Load, onPart: () => Promise<void>): Promise<LoadedRows> {
  mergePending(load);
  while (mergeNextTurn(load)) await onPart();
  load.indexes?.rebuild();
  return takeLoaded(load);
}

function loadSet(load: Load, set: RowSet, { scattered }: IndexPlan): void {
  const { writer, origin, loaded } = load;
  if (!scattered && writer.insertPlain(set.rows, set.count, origin)) {
    loaded.inserted += set.count;
    return;
  }
  stage(load, set);
  // Only rows that are to be sorted gain by waiting for others.
  if (!scattered) mergePending(load);
}

/**
 * Merges the rows whose keys stand in the sets before: the second ones when all first ones are in, and so on.
 * @returns whether there were any
 */
function mergeNextTurn(load: Load): boolean {
  const sets = load.again.shift();
  if (sets === undefined) return false;
  for (const set of sets) stage(load, set);
  mergePending(load);
  return true;
}

function stage({ feedWriter, writer }: Load, { rows, places }: RowSet): void {
  feedWriter.pending.add(places);
  writer.stage(rows);
}

/** Merges what was staged and is not merged yet. */
function mergePending({ feedWriter, writer, entry, origin, freed, rowText, loaded }: Load): void {
  const { pending } = feedWriter;
  if (pending.count() === 0) return;
  const merged = writer.merge(pending.count(), origin, freed);
  loaded.inserted += merged.inserted;
  loaded.updated += merged.updated;
  loaded.unchanged += merged.unchanged;
  loaded.stale += merged.stale;
  for (const line of merged.waitingLines) loaded.waitingLines.push(line);
  for (const { line, key } of merged.refused) {
    const refused = { ...pending.place(line), key };
    feedWriter.reject(origin.fileId, entry.dataset.name, asReject(rowText)(refused));
    loaded.refused.push(refused);
  }
  pending.clear();
}
