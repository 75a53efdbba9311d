import path from 'node:path';
import type { Deidentification } from '../export/deidentify.ts';
import { type ExportResult, runExport } from '../export/export.ts';
import { openFolderTarget } from '../export/folder-target.ts';
import { requireOwnFolder } from '../export/own-folder.ts';
import { PARTITION_UNITS, type PartitionRequest, type PartitionUnit } from '../export/plan.ts';
import { requireS3Place } from '../export/s3-client.ts';
import { exportToSqlite, isSqliteFile } from '../export/sqlite-file.ts';
import type { ExportProgress } from '../export/table.ts';
import type { Target } from '../export/target.ts';
import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import { counted, grouped } from '../output/counted.ts';
import { layOut } from '../output/table.ts';
import { CLEAR_LINE, printable } from '../output/terminal.ts';
import { createHasher } from '../protection/hash-value.ts';
import { readKeyFile } from '../protection/key-file.ts';
import { isUrl } from '../settings/database-url.ts';
import type { Settings } from '../settings/settings.ts';
import { noteExport } from '../status/export-failures.ts';
import { heartbeatPlace } from '../status/heartbeat.ts';
import { openReader } from '../store/open.ts';
import { dialectOf } from '../store/schema.ts';
import type { CommandIo, Output } from '../system/io.ts';
import { keepNurserySmall } from '../system/small-nursery.ts';
import { temporaryFolder } from '../system/temporary-folder.ts';

/** What `export` takes. */
export interface ExportCommandOptions {
  readonly settings: Settings;
  /** A folder, or `s3://BUCKET/PREFIX`. */
  readonly to: string;
  readonly tables: readonly string[];
  readonly views: readonly string[];
  readonly orderBy: readonly string[];
  /** `claims.billed_on:month` */
  readonly partitionBy: readonly string[];
  readonly verify: boolean;
  readonly deidentify: boolean;
}

/**
 * Exports tables and views as Parquet.
 * @returns 0
 * @throws LandfallError, DatabaseFault when it cannot be done: then the manifest is the one before, and the daemon tells of it
 */
export async function exportData(options: ExportCommandOptions, io: CommandIo): Promise<number> {
  // No run to such a place ever succeeds: noted, it would be told for ever.
  if (!isUrl(options.to)) requireOwnFolder(path.resolve(io.cwd, options.to), options.settings);
  const place = heartbeatPlace(options.settings);
  const note = (problem: string | null): void => {
    noteExport(place, printable(options.to), problem, io.now());
  };
  try {
    const result = await perform(options, io);
    note(null);
    io.stdout.write(summaryOf(io.stdout, options.to, result));
    return 0;
  } catch (error) {
    note(error instanceof LandfallError ? error.message : 'an unexpected error');
    throw error;
  }
}

async function perform(options: ExportCommandOptions, io: CommandIo): Promise<ExportResult> {
  const { settings, tables, views, orderBy, verify } = options;
  const request = { tables, views, orderBy, partitionBy: options.partitionBy.map(partitionRequest) };
  keepNurserySmall();
  const feed = loadFeed(settings.feed, settings.env);
  const reader = await openReader(settings.db, feed);
  const bar = createBar(io.stderr);
  let target: Target | null = null;
  try {
    const what = {
      ...{ feed, request, verify, now: io.now, onProgress: bar.show },
      ...{ store: dialectOf(settings.db), program: io.program.version },
    };
    const deidentify = options.deidentify ? deidentification(settings, io) : null;
    return await reader.snapshot(async (snapshot) => {
      if (isSqliteFile(options.to)) {
        const file = path.resolve(io.cwd, options.to);
        return await exportToSqlite({ ...what, file, deidentify: requireDeidentified(deidentify) }, snapshot);
      }
      target = await openTarget(options.to, io);
      return await runExport({ ...what, target, deidentify }, snapshot);
    });
  } finally {
    bar.end();
    await close(target);
    await reader.close();
  }
}

async function close(target: Target | null): Promise<void> {
  await target?.close();
}

function deidentification({ keyFile }: Settings, io: CommandIo): Deidentification {
  if (keyFile === null)
    throw new LandfallError('export', '--deidentify needs a key, by which ids are hashed so that joins hold', {
      hint: 'name its file with --key-file; a new one is made with: landfall key new FILE',
    });
  const { hashing, fingerprint } = readKeyFile(keyFile);
  return { hash: createHasher(hashing), fingerprint, year: io.now().getUTCFullYear() };
}

/** A copy with patient data is a backup. */
function requireDeidentified(deidentify: Deidentification | null): Deidentification {
  if (deidentify !== null) return deidentify;
  throw new LandfallError('export', 'a database is written with --deidentify only', {
    hint: 'a copy as it is, patient data included, is a backup: see docs/backup.md',
  });
}

async function openTarget(to: string, io: CommandIo): Promise<Target> {
  if (!isUrl(to)) return await openFolderTarget(path.resolve(io.cwd, to));
  const place = requireS3Place(printable(to));
  const { openS3Target } = await import('../export/s3-target.ts');
  const { openSpool } = await import('../export/spool.ts');
  return await openS3Target(place, await openSpool(temporaryFolder()), { env: io.env });
}

const UNITS = Object.keys(PARTITION_UNITS).join(', ');

function partitionRequest(text: string): PartitionRequest {
  const [, relation = '', column = '', by = ''] = /^(\w+)\.(\w+):(\w+)$/.exec(text) ?? [];
  if (by in PARTITION_UNITS) return { relation, column, by: by as PartitionUnit };
  throw new LandfallError('export', `--partition-by ${printable(text)} is not of the form TABLE.COLUMN:UNIT`, {
    hint: `for example claims.billed_on:month; units are ${UNITS}`,
  });
}

const BAR_COLUMNS = 24;
/** The bar is drawn anew at most this often, in ms. */
const DRAW_GAP_MS = 100;

/** A line on the terminal that says how far it is; elsewhere nothing. */
function createBar(terminal: Output): { show: (progress: ExportProgress) => void; end: () => void } {
  let drawnAt = -Infinity;
  if (!terminal.isTTY) return { show: () => undefined, end: () => undefined };
  return {
    show({ table, rows, of }) {
      if (performance.now() - drawnAt < DRAW_GAP_MS || terminal.lossy?.isBehind() === true) return;
      drawnAt = performance.now();
      const full = of === 0 ? 0 : Math.min(BAR_COLUMNS, Math.floor((rows / of) * BAR_COLUMNS));
      const bar = '█'.repeat(full) + '░'.repeat(BAR_COLUMNS - full);
      terminal.write(`${CLEAR_LINE}${bar} ${table}  ${grouped(rows)} of ${grouped(of)} rows`);
    },
    end() {
      if (drawnAt > 0) terminal.write(CLEAR_LINE);
      drawnAt = -Infinity;
    },
  };
}

function summaryOf(stdout: Output, shown: string, { tables, removed, generation }: ExportResult): string {
  const rows = tables.map(({ name, rows: count, parts, written, bytes }) => [name, count, parts, written, bytes]);
  const table = layOut(stdout, ['table', 'rows', 'parts', 'written', 'bytes'], rows);
  const gone = removed === 0 ? '' : `, ${counted(removed, 'old part')} removed`;
  const place = isSqliteFile(shown) ? '' : `Generation ${generation} in `;
  return `${table}\n${place}${printable(shown)}${gone}\n`;
}
