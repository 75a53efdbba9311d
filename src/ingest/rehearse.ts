import fs from 'node:fs';
import path from 'node:path';
import { FileRefused, LandfallError } from '../errors.ts';
import { createCoercer } from '../feed/coerce.ts';
import { readFileName } from '../feed/file-name.ts';
import type { Feed, Value } from '../feed/types.ts';
import { createSurveyor } from '../reader/survey.ts';
import { openTable } from '../reader/table.ts';
import type { Store } from '../store/open.ts';
import { type Shadow, type ShadowReport, createShadow, reportOf } from '../store/shadow.ts';
import { ingestFile } from './ingest-file.ts';
import { openSource } from './source.ts';
import type { IngestOptions, IngestOutcome, ListedFile } from './types.ts';

/** What an ingest of one file would do. */
export interface Rehearsal {
  readonly file: ListedFile;
  readonly outcome: IngestOutcome;
  /** Null for a file that would not be ingested. */
  readonly report: ShadowReport | null;
}

/**
 * The files named, as they would be listed in the landing folder, in the order they would be taken.
 * @throws LandfallError when one cannot be read or its name is not one of the feed
 */
export function listNamed(feed: Feed, paths: readonly string[]): readonly ListedFile[] {
  const files = paths.map((file): ListedFile => {
    const name = path.basename(file);
    const found = readFileName(feed, name);
    if (found.kind !== 'taken') {
      const problem = found.kind === 'near_miss' ? found.reason : `its name is not one of the feed ${feed.name}`;
      throw new LandfallError('check', problem, {
        file,
        hint: 'the daemon would leave it where it lies; "landfall preview" reads any file',
      });
    }
    const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stat?.isFile() !== true) throw new LandfallError('check', 'there is no such file', { file });
    return {
      name,
      path: fs.realpathSync(file),
      dataset: found.dataset,
      stamp: found.stamp,
      stat: { bytes: Number(stat.size), mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, inode: stat.ino },
    };
  });
  const place = (file: ListedFile) => feed.datasets.indexOf(file.dataset);
  return files.sort(
    (a, b) => place(a) - place(b) || Buffer.compare(Buffer.from(a.stamp + a.name), Buffer.from(b.stamp + b.name)),
  );
}

/**
 * Runs the ingest of some files on a shadow of the database: the same code, on temporary tables.
 * @param store its database may be, and for a check is, open read-only
 */
export async function* rehearse(
  store: Store,
  files: readonly ListedFile[],
  options: IngestOptions,
): AsyncIterable<Rehearsal> {
  const shadow = createShadow(store);
  for (const file of files) wantRows(shadow, file);
  shadow.copy();
  for (const file of files) {
    const outcome = await ingestFile(store, file, options);
    const report = outcome.kind === 'ingested' ? reportOf(store, file.dataset, outcome.fileId) : null;
    yield { file, outcome, report };
  }
}

/** Tells the shadow of every row that could be taken. What is wrong with the file is the ingest's to say. */
function wantRows(shadow: Shadow, file: ListedFile): void {
  const { format } = shadow.store.feed;
  const source = openSource(file.path, file.stat);
  try {
    const surveyor = createSurveyor(format);
    for (const chunk of source.walk().chunks) surveyor.update(chunk);
    const table = openTable(source.walk().chunks, { dataset: file.dataset, format, survey: surveyor.finish() });
    const coerce = createCoercer(file.dataset, format, table.header.fieldOf);
    const values = Array<Value>(file.dataset.columns.length).fill(null);
    for (const batch of table.batches()) {
      for (const event of batch) {
        if (event.kind === 'row' && coerce(event.fields, values) === null) shadow.want(file.dataset, values);
      }
    }
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
  } finally {
    source.close();
  }
}
