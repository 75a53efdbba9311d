import type { FileMetaData } from 'hyparquet';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { LandfallError } from '../model/errors.ts';
import type { RelationTotals } from '../store/snapshot.ts';
import type { ManifestPart, ManifestTable } from './manifest.ts';
import type { Target } from './target.ts';

/**
 * Reads every part of a table back, and compares what is in them with what the database counts.
 * @param asked what the database counts; sums of columns that are written otherwise than they are kept are null
 * @throws LandfallError naming the part or the column that differs
 */
export async function verifyTable(
  target: Target,
  { name, columns, parts }: Pick<ManifestTable, 'name' | 'columns' | 'parts'>,
  asked: RelationTotals,
): Promise<void> {
  const found = columns.map(() => ({ values: 0, sum: 0n }));
  let rows = 0;
  for (const part of parts) {
    const content = await readPart(target, part);
    rows += Number(content.metadata.num_rows);
    for (const [at, column] of columns.entries()) {
      const total = found[at];
      if (total === undefined) continue;
      for await (const value of content.values(column.name)) {
        if (value === null || value === undefined) continue;
        total.values++;
        if (typeof value === 'bigint') total.sum += value;
      }
    }
  }
  requireSame(name, 'rows', rows, asked.rows);
  for (const [at, column] of columns.entries()) {
    const [is, should] = [found[at], asked.columns[at]];
    if (is === undefined || should === undefined) continue;
    requireSame(name, `values of ${column.name}`, is.values, should.values);
    // A sum is told to be another, not which: it may be that of one row.
    if (should.sum !== null && is.sum !== should.sum)
      throw differs(`${name}: the sum of ${column.name} is another than in the database`);
  }
}

function requireSame(table: string, what: string, is: number, should: number): void {
  if (is !== should) throw differs(`${table}: its parts have ${is} ${what}, the database has ${should}`);
}

function differs(problem: string): LandfallError {
  return new LandfallError('export', problem, { hint: 'the manifest was left as it was; run the export again' });
}

/** A part that was read back. */
interface PartContent {
  readonly metadata: FileMetaData;
  /** The values of a column, a row group after the other. */
  readonly values: (column: string) => AsyncGenerator<unknown, void>;
}

async function readPart(target: Target, { file, sha256 }: ManifestPart): Promise<PartContent> {
  const { parquetMetadataAsync, parquetRead, asyncBufferFromFile } = await import('hyparquet');
  const path = await target.fetch(file);
  if ((await hashOf(path)) !== sha256)
    throw new LandfallError('export', `the part ${file} is not what was written`, {
      ...{ file: target.shown, hint: 'remove it and run the export again, which writes it anew' },
    });
  const buffer = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(buffer);
  return {
    metadata,
    async *values(column) {
      let rowStart = 0;
      for (const group of metadata.row_groups) {
        const rowEnd = rowStart + Number(group.num_rows);
        const chunks: ArrayLike<unknown>[] = [];
        await parquetRead({
          ...{ file: buffer, metadata, rowStart, rowEnd, columns: [column], utf8: false },
          compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
          parsers: { dateFromDays: (days) => days, timestampFromMicroseconds: (at) => String(at) },
          onChunk: ({ columnData }) => {
            chunks.push(columnData);
          },
        });
        for (const chunk of chunks) yield* Array.from(chunk);
        rowStart = rowEnd;
      }
    },
  };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const bytes of fs.createReadStream(path)) hash.update(bytes as Buffer);
  } catch {
    return '';
  }
  return hash.digest('hex');
}
