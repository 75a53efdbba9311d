import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { manifestText, parseManifest, type Manifest } from './manifest.ts';
import { type ExportRequest, planExport } from './plan.ts';
import { type Before, type ExportedTable, exportTable, type TableOptions, type TableResult } from './table.ts';
import { generationOf, type Target } from './target.ts';
import { verifyTable } from './verify.ts';

/** What is exported, and how. */
export interface ExportOptions extends TableOptions {
  readonly feed: Feed;
  readonly request: ExportRequest;
  /** The kind of database: `sqlite`, `postgres`. */
  readonly store: string;
  /** The version of the program. */
  readonly program: string;
  readonly now: () => Date;
  /** Reads every part back and compares it with the database before the manifest is written. */
  readonly verify: boolean;
}

/** What an export has come to. */
export interface ExportResult {
  readonly generation: number;
  readonly tables: readonly TableResult[];
  /** Parts that were taken away since nothing names them any more. */
  readonly removed: number;
}

/**
 * Exports tables and views from one instant of a database. Parts that have changed are put beside the old ones, then the manifest takes
 * the place of the one before, then what it names no more is removed: whenever the process dies, the manifest that is there is true.
 * @throws LandfallError when something cannot be exported, the target cannot be written, or another export was faster
 * @throws DatabaseFault
 */
export async function runExport(options: ExportOptions, snapshot: Snapshot): Promise<ExportResult> {
  const { feed, target } = options;
  const before = await lookAt(options);
  const tables = await planExport(feed, options.request, snapshot);
  const done: ExportedTable[] = [];
  for (const table of tables) {
    const one = await exportTable(options, snapshot, before, table);
    if (options.verify) await verifyTable(target, one.entry, one.totals);
    done.push(one);
  }
  await target.settle();
  const generation = before.generation + 1;
  const manifest = await headOf(options, snapshot, generation);
  const text = manifestText({ ...manifest, tables: done.map(({ entry }) => entry) });
  if (!(await target.commit(text, before.stored)))
    throw new LandfallError('export', 'another export has written its manifest meanwhile', {
      ...{ file: target.shown, hint: 'what it names is whole and true; run this one again' },
    });
  const named = new Set(done.flatMap(({ entry }) => entry.parts.map(({ file }) => file)));
  const stale = [...before.there].filter((name) => !named.has(name) && (generationOf(name) ?? Infinity) <= generation);
  await removeStale(target, stale);
  return { generation, tables: done.map(({ result }) => result), removed: stale.length };
}

/** What the manifest says of the whole: when it was written, from what, and what was done to it. */
export async function headOf(
  { feed, store, program, deidentify, now }: Pick<ExportOptions, 'feed' | 'store' | 'program' | 'deidentify' | 'now'>,
  snapshot: Pick<Snapshot, 'newestFile'>,
  generation: number,
): Promise<Omit<Manifest, 'landfall_export' | 'tables'>> {
  return {
    generation,
    exported_at: now().toISOString(),
    from: {
      ...{ feed: feed.name, feed_hash: feed.hash, store },
      ...{ newest_file_id: await snapshot.newestFile(), program },
    },
    ...{ deidentified: deidentify !== null, key: deidentify?.fingerprint ?? null },
  };
}

async function lookAt({ target, feed, deidentify }: ExportOptions): Promise<Before> {
  const stored = await target.readManifest();
  const manifest = stored === null ? null : parseManifest(stored, target.shown);
  const refuse = (problem: string): never => {
    throw new LandfallError('export', problem, { file: target.shown, hint: 'name another place with --to' });
  };
  if (manifest !== null && manifest.from.feed !== feed.name)
    refuse(`there lies an export of the feed ${manifest.from.feed}, not of ${feed.name}`);
  if (manifest !== null && manifest.deidentified !== (deidentify !== null))
    refuse(
      `there lies an export ${manifest.deidentified ? 'without' : 'with'} patient data, which is not to be mixed with this one`,
    );
  const there = new Set(await target.list());
  // Without a manifest parts may lie there of one that was lost.
  const lost = manifest === null ? [...there].map((name) => generationOf(name) ?? 0) : [];
  const generation = lost.reduce((most, one) => Math.max(most, one), manifest?.generation ?? 0);
  return { stored, manifest, generation, there };
}

async function removeStale(target: Target, names: readonly string[]): Promise<void> {
  try {
    await target.remove(names);
  } catch (cause) {
    throw new LandfallError('export', 'the new manifest is in place, but old parts could not be removed', {
      ...{ file: target.shown, hint: 'the next run removes them', cause },
    });
  }
}
