import { REJECT_CODES } from '../model/codes.ts';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import { loadFeed } from '../feed/load.ts';
import { isProtected } from '../protection/feed-key.ts';
import { readKeyFile } from '../protection/key-file.ts';
import { createOpener, isSealed } from '../protection/seal.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { openReader } from '../store/open.ts';
import type { RejectRow } from '../store/reader.ts';
import { plainOutput, type Colour } from '../output/terminal.ts';
import { csvText } from '../output/csv.ts';
import { checkWords, isNarrowed, showFirst, toSearch, type Filter } from './filter.ts';
import { jsonText, mapped } from '../output/json.ts';
import { writePieces } from '../output/sink.ts';
import type { Column, Row } from '../output/table.ts';

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
export async function rejects(options: RejectsOptions, io: CommandIo): Promise<number> {
  const { settings, json, csv, raw } = options;
  if (json && csv) throw new LandfallError('read options', '--json and --csv cannot be used together');
  checkWords('--state', options.state, STATES);
  checkWords('--code', options.code, Object.keys(REJECT_CODES));
  const { search, most } = toSearch({ ...options, state: statesOf(options.state) }, !json && !csv, io.now());

  const feed = loadFeed(settings.feed, settings.env);
  const reader = await openReader(settings.db, feed);
  try {
    const found = mapped(reader.rejects(search, raw), raw ? rawOpener(feed, settings.keyFile) : (row) => row);
    const fields = raw ? [...FIELDS, ...RAW_FIELDS] : FIELDS;
    if (json || csv) {
      const records = mapped(found, (row) => toRecord(row, fields));
      if (json) await writePieces(io.stdout, jsonText(records));
      else await writePieces(plainOutput(io.stdout), csvText(fields, records));
    } else {
      const nothing = isNarrowed(options) ? 'No row matches.' : 'No row is rejected or waiting.';
      const columns = raw ? [...COLUMNS, ...RAW_COLUMNS] : COLUMNS;
      await showFirst(found, most, io, { columns, toRow: (row) => toCells(row, raw), nothing });
    }
  } finally {
    await reader.close();
  }
  return 0;
}

/** Opens what was sealed, where the key is at hand. @throws LandfallError where it is named and cannot be read */
function rawOpener(feed: Feed, keyFile: string | null): (row: RejectRow) => RejectRow {
  if (!feed.datasets.some(isProtected)) return (row) => row;
  const key = keyFile === null ? null : readKeyFile(keyFile);
  const open = key === null ? null : createOpener(key.sealing);
  return (row) => {
    if (row.raw === null || !isSealed(row.raw)) return row;
    const raw = open === null ? SEALED : (open(row.raw) ?? SEALED_OTHERWISE);
    return { ...row, raw };
  };
}

/** What stands for a row that cannot be shown. */
const SEALED = '(sealed: name the key with --key-file)';
const SEALED_OTHERWISE = '(sealed under another key)';

/** The states to look for: those that are open unless others are named. */
function statesOf(named: readonly string[]): readonly string[] {
  if (named.includes('all')) return [];
  return named.length === 0 ? ['open'] : named;
}

/** The names of CSV columns and of JSON fields. */
const FIELDS = [
  ...(['reject_id', 'file', 'revision', 'dataset', 'line', 'byte_offset'] as const),
  ...(['code', 'column_name', 'reason', 'state', 'waits_for'] as const),
  ...(['settled_by', 'settled_at', 'finished_at'] as const),
];
const RAW_FIELDS = ['row_key', 'raw', 'raw_base64'] as const;
type Field = (typeof FIELDS)[number] | (typeof RAW_FIELDS)[number];

function toRecord(row: RejectRow, fields: readonly Field[]): Record<string, string | number | null> {
  const record: Record<string, string | number | null> = {};
  for (const field of fields) record[field] = valueOf(row, field);
  return record;
}

function valueOf(row: RejectRow, field: Field): string | number | null {
  if (field === 'raw') return sentText(row);
  if (field !== 'raw_base64') return row[field];
  return typeof row.raw === 'string' || row.raw === null ? null : Buffer.from(row.raw).toString('base64');
}

/** Bytes that are not valid text are shown as well as they can be; `raw_base64` has them exactly. */
function sentText({ raw }: RejectRow): string | null {
  return raw === null || typeof raw === 'string' ? raw : Buffer.from(raw).toString('utf8');
}

const COLUMNS: readonly Column[] = [
  'state',
  { header: 'code', spare: 2, leads: true },
  'file',
  { header: 'rev', spare: 3 },
  'line',
  { header: 'reason', prose: true },
];
const RAW_COLUMNS: readonly Column[] = [
  { header: 'key', prose: true },
  { header: 'as sent', prose: true },
];

function toCells(row: RejectRow, raw: boolean): Row {
  const settled = row.settled_by === null ? '' : ` (${row.state} by ${row.settled_by})`;
  return [
    { text: row.state, colour: COLOURS[row.state] },
    row.code,
    row.file,
    row.revision,
    row.line,
    `${reasonOf(row)}${settled}`,
    ...(raw ? [row.row_key, sentText(row)] : []),
  ];
}

/** For people; the ledger's own reason, which lasts when the parent has come, is in JSON and CSV. */
function reasonOf({ reason, waits_for: parents }: RejectRow): string {
  if (parents === null) return reason;
  const tables = parents.split(',');
  return tables.length === 1
    ? `its parent in ${parents} is not loaded yet`
    : `its parents in ${tables.map((table) => table.trim()).join(' and ')} are not loaded yet`;
}
