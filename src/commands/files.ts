import { FILE_CODES, WARNING_CODES } from '../model/codes.ts';
import { loadFeed } from '../feed/load.ts';
import type { CommandIo } from '../system/io.ts';
import type { Settings } from '../settings/settings.ts';
import { openReader } from '../store/open.ts';
import type { FileRow } from '../store/reader.ts';
import type { Colour } from '../output/terminal.ts';
import { checkWords, showFirst, toSearch, type Filter } from './filter.ts';
import { jsonText } from '../output/json.ts';
import { writePieces } from '../output/sink.ts';
import type { Column, Row } from '../output/table.ts';
import { warningsText } from '../model/warnings.ts';

const STATES = ['ingested', 'quarantined', 'replaced', 'unrecognised'];
const COLOURS: Record<FileRow['state'], Colour> = {
  ingested: 'green',
  quarantined: 'red',
  replaced: 'dim',
  unrecognised: 'yellow',
};

/**
 * Shows the ledger: every revision of every name, newest first.
 * @returns 0
 * @throws LandfallError for a filter that cannot be read, or a database that is missing or not set up
 */
export async function files(
  options: Filter & { readonly settings: Settings; readonly json: boolean },
  io: CommandIo,
): Promise<number> {
  const { settings, json } = options;
  checkWords('--state', options.state, STATES);
  checkWords('--code', options.code, [...Object.keys(FILE_CODES), ...Object.keys(WARNING_CODES)]);
  const { search, most } = toSearch(options, !json, io.now());

  const feed = loadFeed(settings.feed, settings.env);
  const reader = await openReader(settings.db, feed);
  try {
    const found = reader.files(search);
    if (json) await writePieces(io.stdout, jsonText(found));
    else
      await showFirst(found, most, io, {
        ...{ columns: COLUMNS, nothing: 'No file matches.' },
        toRow: (file) => toRow(file, io.stdout.isTTY),
      });
  } finally {
    await reader.close();
  }
  return 0;
}

const COLUMNS: readonly Column[] = [
  { header: 'id', spare: 8 },
  'state',
  { header: 'name', above: true },
  { header: 'rev', spare: 1 },
  'read',
  { header: 'ins', spare: 6 },
  { header: 'upd', spare: 6 },
  { header: 'same', spare: 7 },
  { header: 'stale', spare: 7 },
  'rej',
  'wait',
  { header: 'finished (UTC)', spare: 5 },
  { header: 'note', prose: true },
];

function toRow(file: FileRow, isTTY: boolean): Row {
  return [
    file.file_id,
    { text: file.state, colour: COLOURS[file.state] },
    file.name,
    file.revision,
    file.rows_read,
    file.rows_inserted,
    file.rows_updated,
    file.rows_unchanged,
    file.rows_stale,
    file.rows_rejected,
    file.rows_waiting,
    file.finished_at.slice(0, 16).replace('T', ' '),
    noteOf(file, isTTY),
  ];
}

/** What is worth knowing of it beside the counts; where its copy lies is known by its name, and would take three lines of a terminal. */
function noteOf(file: FileRow, isTTY: boolean): string {
  const notes: string[] = [];
  if (file.reason_code !== null) notes.push(`${file.reason_code}: ${file.reason ?? ''}`);
  if (file.late) notes.push('late');
  if (file.retried) notes.push('retried');
  if (file.warnings !== null) notes.push(`warning: ${warningsText(file.warnings)}`);
  if (file.archived_to !== null && !isTTY) notes.push(`archived: ${file.archived_to}`);
  if (file.extra !== null && file.extra.length > 0) notes.push(`unknown columns: ${file.extra.join(', ')}`);
  return notes.join('; ');
}
