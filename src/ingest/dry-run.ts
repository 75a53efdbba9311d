import { FileRefused } from '../model/errors.ts';
import { createRowMapper } from '../columns/row-mapper.ts';
import type { Value } from '../columns/column-type.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { createSurveyor } from '../reader/sniff.ts';
import { openTable } from '../reader/table.ts';
import { guardFaults } from '../store/database-fault.ts';
import type { OpenDatabase } from '../store/sqlite/open.ts';
import { createStore } from '../store/sqlite/store.ts';
import { type Shadow, type ShadowReport, createShadow, reportOf } from '../store/sqlite/dry-run.ts';
import { ingestFile } from './ingest-file.ts';
import { openSource } from './source.ts';
import type { IngestOptions, IngestOutcome } from '../model/ingest.ts';

/** What an ingest of one file would do. */
export interface Rehearsal {
  readonly file: ListedFile;
  readonly outcome: IngestOutcome;
  /** Null for a file that would not be ingested. */
  readonly report: ShadowReport | null;
}

/**
 * Runs the ingest of some files on a shadow of the database: the same code, on temporary tables.
 * @param database may be, and for a check is, open read-only
 */
export async function* rehearse(
  database: OpenDatabase,
  files: readonly ListedFile[],
  options: IngestOptions,
): AsyncIterable<Rehearsal> {
  guardFaults('check', database.file, () => {
    const shadow = createShadow(database);
    for (const file of files) wantRows(shadow, file);
    shadow.copy();
  });
  const store = createStore(database);
  for (const file of files) {
    const outcome = await ingestFile(store, file, options);
    const report = outcome.kind === 'ingested' ? reportOf(database, file.dataset, outcome.fileId) : null;
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
    const mapper = createRowMapper(file.dataset.columns, format, table.header.fieldOf);
    const values = Array<Value>(file.dataset.columns.length).fill(null);
    for (const batch of table.batches()) {
      for (const event of batch) {
        if (event.kind === 'row' && mapper.map(event.fields, values) === null) shadow.want(file.dataset, values);
      }
    }
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
  } finally {
    source.close();
  }
}
