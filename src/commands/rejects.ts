import { REJECT_CODES } from '../codes.ts';
import { LandfallError } from '../errors.ts';
import { loadFeed } from '../feed/load.ts';
import type { CommandIo, Output } from '../io.ts';
import type { Settings } from '../settings.ts';
import { guardFaults } from '../store/fault.ts';
import { openForReading } from '../store/open.ts';
import { checkSetUp, listRejects, type RejectRow } from '../store/queries.ts';
import type { Colour } from '../terminal.ts';
import { csvLine } from './csv.ts';
import { checkWords, showFirst, toSearch, type Filter } from './filter.ts';
import { writeJsonList } from './json-list.ts';
import { layOut, type Cell } from './table.ts';

export interface RejectsOptions extends Filter {
  readonly settings: Settings;
  readonly json: boolean;
  readonly csv: boolean;
  /** Show the rows as they were sent, and their keys. */
  readonly raw: boolean;
}

/** `open`: what waits, and what was rejected in a file that no correction has replaced. */
const STATES = ['open', 'all', 'rejected', 'waiting', 'healed', 'superseded'];
const COLOURS: Record<RejectRow['state'], Colour> = {
  rejected: 'red',
  waiting: 'yellow',
  healed: 'green',
  superseded: 'dim',
};

/**
 * Shows the rows that were not loaded and why; their values only with `raw` (P8).
 * @returns 0
 * @throws LandfallError for a filter that cannot be read, or a database that is missing or not set up
 */
export function rejects(options: RejectsOptions, io: CommandIo): Promise<number> {
  const { settings, json, csv, raw } = options;
  if (json && csv) throw new LandfallError('read options', '--json and --csv exclude each other');
  checkWords('--state', options.state, STATES);
  checkWords('--code', options.code, Object.keys(REJECT_CODES));
  const { search, most } = toSearch({ ...options, state: statesOf(options.state) }, !json && !csv, io.now());

  const feed = loadFeed(settings.feed);
  const db = openForReading(settings.db);
  try {
    guardFaults('read rejects', settings.db, () => {
      checkSetUp(db, settings.db, feed);
      const rows = listRejects(db, feed, search);
      if (json) writeJsonList(io.stdout, rows, (row) => toRecord(row, raw));
      else if (csv) writeCsv(io.stdout, rows, raw);
      else showFirst([...rows], most, io, (shown) => textOfRows(shown, raw, io.stdout));
    });
  } finally {
    db.close();
  }
  return Promise.resolve(0);
}

/** The states to look for: those that are open unless others are named. */
function statesOf(named: readonly string[]): readonly string[] {
  if (named.includes('all')) return [];
  return named.length === 0 ? ['open'] : named;
}

/** The names of CSV columns and of JSON fields. */
type RejectRecord = Record<string, string | number | null>;

function toRecord(row: RejectRow, raw: boolean): RejectRecord {
  const { row_key, raw: sent, ...safe } = row;
  if (!raw) return safe;
  return {
    ...safe,
    row_key,
    raw: textOf(sent),
    raw_base64: typeof sent === 'string' || sent === null ? null : sent.toString('base64'),
  };
}

/** Bytes that are not valid text are shown as well as they can be; `raw_base64` has them exactly. */
function textOf(sent: RejectRow['raw']): string | null {
  return sent === null || typeof sent === 'string' ? sent : sent.toString('utf8');
}

const FIELDS = [
  ...['reject_id', 'file', 'revision', 'dataset', 'line', 'byte_offset', 'code', 'column_name', 'reason', 'state'],
  ...['waits_for', 'settled_by', 'settled_at', 'finished_at'],
];
const RAW_FIELDS = ['row_key', 'raw', 'raw_base64'];

function writeCsv(output: Output, rows: Iterable<RejectRow>, raw: boolean): void {
  const fields = raw ? [...FIELDS, ...RAW_FIELDS] : FIELDS;
  output.write(csvLine(fields));
  for (const row of rows) {
    const record = toRecord(row, raw);
    output.write(csvLine(fields.map((field) => String(record[field] ?? ''))));
  }
}

function textOfRows(rows: readonly RejectRow[], raw: boolean, output: Output): string {
  const headers = ['state', 'code', 'file', 'rev', 'line', 'reason', ...(raw ? ['key', 'as sent'] : [])];
  const cells = rows.map((row) => toCells(row, raw));
  return layOut(output, headers, cells);
}

function toCells(row: RejectRow, raw: boolean): (Cell | string | number | null)[] {
  const waits = row.waits_for === null ? '' : ` (waits for ${row.waits_for})`;
  const settled = row.settled_by === null ? '' : ` (${row.state} by ${row.settled_by})`;
  return [
    { text: row.state, colour: COLOURS[row.state] },
    row.code,
    row.file,
    row.revision,
    row.line,
    `${row.reason}${waits}${settled}`,
    ...(raw ? [row.row_key, textOf(row.raw)] : []),
  ];
}
