import { createHash } from 'node:crypto';
import type { Value } from '../../../src/columns/column-type.ts';
import { createRowMapper } from '../../../src/columns/row-mapper.ts';
import { createRowSets, type RowSets } from '../../../src/ingest/distinct-key-batches.ts';
import type { Dataset } from '../../../src/model/feed.ts';
import type { RowCounts } from '../../../src/model/ledger.ts';
import { createSurveyor } from '../../../src/reader/sniff.ts';
import { openTable } from '../../../src/reader/table.ts';
import { asReject } from '../../../src/store/refused-row.ts';
import { createRowEncoder } from '../../../src/store/row-encoder.ts';
import type {
  FileEntry,
  FileTransaction,
  LoadedRows,
  RejectedRow,
  RowBatch,
  RowText,
} from '../../../src/store/store.ts';
import { type DatasetName, type FileOptions, type Row, feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { type Change, type OpenedStore, STORES, type TestedStore } from './stores.ts';

/** What became of a file that a desk was given. */
export type Delivered =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'quarantined'; readonly revision: number }
  | {
      readonly kind: 'ingested';
      readonly revision: number;
      readonly late: boolean;
      /** The counts that are not nought. */
      readonly counts: Readonly<Record<string, number>>;
      readonly healed: number;
      readonly refusedWaiting: number;
    };

/** A content that turns up under a name. */
export interface Content {
  readonly dataset: Dataset;
  readonly name: string;
  readonly stamp: string;
  readonly text: string;
  /** Read it again even where the bytes are the same. */
  readonly afresh?: boolean;
}

/** A store, and what brings files to its door: the rules that are the store's business are left to it. */
export interface Desk extends OpenedStore {
  /** Writes rows as a file of the feed and ingests it. */
  deliver(
    dataset: DatasetName,
    stamp: string,
    rows: readonly (Row | string)[],
    options?: FileOptions,
  ): Promise<Delivered>;
  ingest(content: Content): Promise<Delivered>;
  /** The first column of a query. */
  column(sql: string): Promise<readonly unknown[]>;
}

export interface DeskOptions {
  readonly change?: Change;
  /** Rows of a batch (default 1000). */
  readonly batchRows?: number;
}

/** Describes what must hold of every store. */
export function describeStores(
  title: string,
  tests: (openDesk: (options?: DeskOptions) => Promise<Desk>) => void,
): void {
  for (const store of STORES) {
    store.describe(`${store.name}: ${title}`, () => {
      tests(desksOn(store));
    });
  }
}

/**
 * For a `describe`.
 * @returns opens a desk for a test: a store on tables of its own
 */
export function desksOn<Opened extends OpenedStore>(
  store: TestedStore<Opened>,
): (options?: DeskOptions) => Promise<Desk & Opened> {
  const open = store.suite();
  return async ({ change, batchRows = 1000 } = {}) => {
    const opened = await open(change ?? null);
    const ingest = (content: Content) => ingestContent(opened, content, batchRows);
    return {
      ...opened,
      ingest,
      deliver(name, stamp, rows, fileOptions = {}) {
        const dataset = opened.feed.datasets.find((each) => each.name === name);
        if (dataset === undefined) throw new Error(`the feed has no dataset ${name}`);
        return ingest({
          dataset,
          name: feedFileName(name, stamp, fileOptions),
          stamp: stamp.replace(/(....)(..)(..)_(..)(..)(..)/, '$1-$2-$3T$4:$5:$6Z'),
          text: feedFileText(name, rows, fileOptions),
        });
      },
      column: async (sql) => (await opened.rows(sql)).map((row) => Object.values(row)[0]),
    };
  };
}

const STARTED = new Date('2026-08-10T12:00:00Z');

class TooManyBadRows extends Error {}

/** What the ingest does with a file. */
async function ingestContent(store: OpenedStore, content: Content, batchRows: number): Promise<Delivered> {
  const { dataset, name, stamp } = content;
  const bytes = Buffer.from(content.text);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const revisions = await store.rows(
    `SELECT revision, state, sha256 FROM files WHERE name = '${name}' ORDER BY revision DESC LIMIT 1`,
  );
  const [last] = revisions as readonly { revision: number; state: string; sha256: string }[];
  const same = last?.sha256 === sha256;
  if (same && last.state === 'ingested' && content.afresh !== true) return { kind: 'unchanged' };
  const revision = same && last.state === 'quarantined' ? last.revision : (last?.revision ?? 0) + 1;
  const stat = { bytes: bytes.length, mtimeNs: 1n, ctimeNs: 2n, inode: 2n ** 64n - 1n };
  const kept = { takenAt: new Date(STARTED.getTime() + revision).toISOString(), archivedTo: null };
  const entry: FileEntry = { dataset, name, revision, stamp, sha256, stat, attempts: 1, startedAt: STARTED, ...kept };
  const load: Load = {
    ...{ store, dataset, bytes, batchRows },
    rowText: (offset, length) => bytes.toString('utf8', offset, offset + length).replace(/\n$/, ''),
    rejected: [],
  };
  try {
    return await store.door.transact(entry, load.rowText, async (transaction): Promise<Delivered> => {
      const { counts, totals } = await loadRows(load, transaction);
      const { healed, refused } = await transaction.heal(() => Promise.resolve());
      if (counts.rejected > counts.read * store.feed.maxBadRows) throw new TooManyBadRows();
      const waiting = counts.waiting > 0 ? { missing_parent: counts.waiting } : {};
      const kept = { ...totals, counts, rejectCounts: { ...tally(load.rejected), ...waiting } };
      const format = { dialect: '{}', extra: '[]', warnings: {}, lastRowEnded: true };
      const { late } = await transaction.complete({ ...kept, ...format }, STARTED);
      const told = Object.fromEntries(Object.entries(counts).filter(([, rows]) => rows > 0));
      return { kind: 'ingested', revision, late, counts: told, healed, refusedWaiting: refused };
    });
  } catch (error) {
    if (!(error instanceof TooManyBadRows)) throw error;
    const refusal = { code: 'bad_rows', reason: 'too many', rejectCounts: tally(load.rejected) } as const;
    await store.door.quarantine(entry, { ...refusal, rejects: load.rejected.slice(0, 100) });
    return { kind: 'quarantined', revision };
  }
}

interface Load {
  readonly store: OpenedStore;
  readonly dataset: Dataset;
  readonly bytes: Buffer;
  readonly batchRows: number;
  readonly rowText: RowText;
  readonly rejected: RejectedRow[];
}

const onPart = (): Promise<void> => Promise.resolve();

async function loadRows(load: Load, transaction: FileTransaction) {
  const { store, dataset, bytes, batchRows, rowText, rejected } = load;
  const { format } = store.feed;
  const surveyor = createSurveyor(format);
  surveyor.update(bytes);
  const table = openTable([bytes], { dataset, format, survey: surveyor.finish() });
  const mapper = createRowMapper(dataset.columns, format, table.header.fieldOf);
  const values = Array<Value>(dataset.columns.length).fill(null);
  const sums = { read: 0, inserted: 0, updated: 0, unchanged: 0, stale: 0, waiting: 0 };
  const rows = createBatches(store);
  let faultBytes = 0;
  const take = (loaded: LoadedRows) => {
    for (const count of ['inserted', 'updated', 'unchanged', 'stale'] as const) sums[count] += loaded[count];
    sums.waiting += loaded.waitingLines.length;
    rejected.push(...loaded.refused.map(asReject(rowText)));
  };
  const refuse = async (row: Omit<RejectedRow, 'raw'>, length: number) => {
    const kept = { ...row, raw: rowText(row.byteOffset, length) };
    rejected.push(kept);
    await transaction.reject([kept]);
  };
  for (const events of table.batches()) {
    for (const event of events) {
      const { line, byteOffset, byteLength } = event;
      sums.read++;
      if (event.kind === 'refused') {
        await refuse({ line, byteOffset, key: null, code: event.code, column: null, reason: event.reason }, byteLength);
        continue;
      }
      const fault = mapper.map(event.fields, values);
      if (fault === null) rows.add(event, values);
      else {
        faultBytes += byteLength;
        await refuse({ line, byteOffset, key: mapper.keyOf(event.fields), ...fault }, byteLength);
      }
      if (rows.count === batchRows || rows.isFull) take(await transaction.load(takeBatch(rows, byteOffset), onPart));
    }
  }
  take(await transaction.load(takeBatch(rows, bytes.length), onPart));
  take(await transaction.endRows(onPart));
  const counts: RowCounts = { ...sums, rejected: rejected.length };
  const read = table.totals();
  const totals = { ...read, rowBytes: read.rowBytes - faultBytes, refusedBytes: read.refusedBytes + faultBytes };
  return { counts, totals };
}

/** Rows laid out as the store takes them. */
export function createBatches({ door }: OpenedStore): RowSets {
  return createRowSets(
    () => createRowEncoder(door.rowFormat),
    (size) => new ArrayBuffer(size),
  );
}

/** What was added, as a batch. */
export function takeBatch(rows: RowSets, bytesRead: number): RowBatch {
  return { read: rows.count, bytesRead, ...rows.take() };
}

function tally(rows: readonly RejectedRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of rows) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
