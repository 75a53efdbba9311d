import { FileRefused } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import type { IngestOptions, IngestOutcome } from '../model/ingest.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { surveyAll } from '../reader/sniff.ts';
import type { DryRunReport, GoodRow, Rehearsal } from '../store/rehearsal.ts';
import { ingestFile } from './ingest-file.ts';
import { openRows } from './open-rows.ts';
import { openSource, type Source } from './source.ts';
import { isPacked, unpackSource } from './unpack.ts';

/** What an ingest of one file would do. */
export interface DryRun {
  readonly file: ListedFile;
  readonly outcome: IngestOutcome;
  /** Null for a file that would not be ingested. */
  readonly report: DryRunReport | null;
}

/** Runs the ingest of some files, the same code, where nothing of it reaches the database. */
export async function* dryRun(
  rehearsal: Rehearsal,
  files: readonly ListedFile[],
  options: IngestOptions,
): AsyncIterable<DryRun> {
  const { store } = rehearsal;
  using unpacked = await unpackAll(store.feed, files);
  await rehearsal.copy(
    files.values().flatMap((file) => goodRows(store.feed, file, options, unpacked.sources.get(file.name))),
  );
  for (const file of files) {
    const outcome = await ingestFile(store, file, options);
    const report = outcome.kind === 'ingested' ? await rehearsal.report(file.dataset, outcome.fileId) : null;
    yield { file, outcome, report };
  }
}

/** Opens and unpacks the compressed ones; what is wrong with one is the ingest's to say. */
async function unpackAll(
  feed: Feed,
  files: readonly ListedFile[],
): Promise<Disposable & { readonly sources: ReadonlyMap<string, Source> }> {
  const sources = new Map<string, Source>();
  for (const { name, path, stat } of files.filter((file) => isPacked(feed, file.name))) {
    const source = openSource({ path, stat });
    sources.set(name, source);
    await unpackSource(source, stat.bytes).catch((error: unknown) => {
      if (!(error instanceof FileRefused)) throw error;
    });
  }
  return {
    sources,
    [Symbol.dispose]: () => {
      for (const source of sources.values()) source.close();
    },
  };
}

/** Every row of a file that could be taken. What is wrong with the file is the ingest's to say. */
function* goodRows(
  { format }: Feed,
  { path, stat, dataset }: ListedFile,
  options: IngestOptions,
  unpacked: Source | undefined,
): Generator<GoodRow, void> {
  const source = unpacked ?? openSource({ path, stat });
  try {
    const survey = surveyAll(source.walkText().chunks, format);
    const { table, rows, values } = openRows(source.walkText().chunks, {
      ...{ dataset, format, survey },
      takenAt: options.now(),
      hashing: options.protection?.hashing ?? null,
    });
    for (const batch of table.batches()) {
      for (const event of batch) {
        if (event.kind === 'row' && rows.read(event.fields, values, () => undefined) === null)
          yield { dataset, values };
      }
    }
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
  } finally {
    if (unpacked === undefined) source.close();
  }
}
