import { ANY_FORMAT, type Column, type Dataset, type FeedFormat } from '../../src/model/feed.ts';
import { LIMITS, type Limits } from '../../src/reader/limits.ts';
import { surveyAll } from '../../src/reader/sniff.ts';
import { openTable } from '../../src/reader/table.ts';
import type { ReadEvent, ReadOptions, ReadTotals, Survey, Table } from '../../src/reader/types.ts';

/** A format that leaves everything to be found. */
export const FOUND: FeedFormat = ANY_FORMAT;

/** A dataset of text columns from their headers; `Name?` is optional, `Name=Other=Third` has aliases. */
export function datasetOf(name: string, headers: readonly string[]): Dataset {
  const columns = headers.map((text): Column => {
    const [header = '', ...aliases] = text.replace('?', '').split('=');
    return {
      header,
      aliases,
      name: header.toLowerCase(),
      type: 'text',
      required: false,
      optional: text.includes('?'),
      phi: false,
      references: null,
    };
  });
  const [key] = columns;
  if (key === undefined) throw new Error('a dataset has at least one column');
  return { name, table: name.toLowerCase(), keys: [key], key, columns, expect: null, rows: null, checks: [] };
}

export interface Reading {
  readonly survey: Survey;
  readonly table: Table;
  readonly events: readonly ReadEvent[];
  readonly totals: ReadTotals;
}

/** Surveys and reads the chunks through the reader's doors. */
export function readChunks(
  chunks: readonly Uint8Array[],
  options: Omit<ReadOptions, 'survey'>,
  limits: Limits = LIMITS,
): Reading {
  const survey = surveyAll(chunks, options.format);
  const table = openTable(chunks, { ...options, survey }, limits);
  const events = [...table.batches()].flat();
  return { survey, table, events, totals: table.totals() };
}

/** The bytes cut into chunks of a size. */
export function inChunks(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}
