import { ACCEPTABLE_CODES, FILE_CODES } from '../model/codes.ts';
import { layOut } from '../output/table.ts';
import { printable } from '../output/terminal.ts';
import { fitted, hang } from '../output/width.ts';
import type { FileRow, RejectRow, StoreReader } from '../store/reader.ts';
import type { Output } from '../system/io.ts';

/** What became of a file, for whoever sent it: counts, lines and codes, no value from a row (P8). */
export interface Receipt {
  readonly name: string;
  /** From 1; 0 for a file that is held unread. */
  readonly revision: number;
  readonly outcome: 'ingested' | 'quarantined' | 'held';
  /** The content that it is about; null: it was not read. */
  readonly sha256: string | null;
  readonly bytes: number;
  readonly dataset: string | null;
  readonly stamp: string | null;
  /** Of a file that was refused or is held. */
  readonly code: string | null;
  readonly reason: string | null;
  readonly rows: Readonly<
    Record<'read' | 'inserted' | 'updated' | 'unchanged' | 'stale' | 'rejected' | 'waiting', number>
  >;
  /** Rows by code, those that wait for a parent included. */
  readonly reject_counts: Readonly<Record<string, number>>;
  /** The first rows that were rejected or wait, in line order. */
  readonly rejects: readonly Pick<RejectRow, 'line' | 'code' | 'column_name' | 'reason'>[];
  readonly warnings: FileRow['warnings'];
  /** ISO 8601, UTC. */
  readonly finished_at: string;
}

/** So many rejects stand in a receipt. */
const MOST_REJECTS = 100;

/**
 * The receipt of an entry of the ledger.
 * @returns null for one that has none: a name that is not taken, or a content that another has replaced
 */
export async function receiptOf(reader: StoreReader, file: FileRow): Promise<Receipt | null> {
  if (file.state === 'unrecognised' || file.state === 'replaced') return null;
  const { name, revision, sha256, bytes, dataset, stamp, reason_code: code, reason, warnings, finished_at } = file;
  const isHeld = file.state === 'quarantined' && (revision === 0 || ACCEPTABLE_CODES.some((one) => one === code));
  return {
    ...{ name, revision, outcome: isHeld ? 'held' : file.state, sha256, bytes, dataset, stamp, code, reason },
    rows: {
      ...{ read: file.rows_read, inserted: file.rows_inserted, updated: file.rows_updated },
      ...{ unchanged: file.rows_unchanged, stale: file.rows_stale },
      ...{ rejected: file.rows_rejected, waiting: file.rows_waiting },
    },
    reject_counts: file.reject_counts ?? {},
    rejects: Object.keys(file.reject_counts ?? {}).length === 0 ? [] : await firstRejects(reader, file),
    ...{ warnings, finished_at },
  };
}

async function firstRejects(reader: StoreReader, { name, file_id }: FileRow): Promise<Receipt['rejects']> {
  const found: Receipt['rejects'][number][] = [];
  const search = { states: ['rejected', 'waiting'], codes: [], name, since: null, limit: null };
  for await (const { file_id: of, line, code, column_name, reason } of reader.rejects(search, false)) {
    if (of === file_id) found.push({ line, code, column_name, reason });
    if (found.length === MOST_REJECTS) break;
  }
  return found;
}

/** A receipt in words, for the sender's people. On a terminal lines are broken at their spaces, and rejects are a table. */
export function receiptText(output: Output, receipt: Receipt): string {
  const { name, revision, outcome, code, reason, rows, sha256, bytes, finished_at } = receipt;
  const said: [head: string, text: string][] = [
    ['File', `${name}${revision > 1 ? ` (revision ${revision})` : ''}`],
    ['Content', `${bytes} bytes${sha256 === null ? '' : `, SHA-256 ${sha256}`}`],
    ['Outcome', `${outcome}, ${finished_at.slice(0, 19).replace('T', ' ')} UTC`],
  ];
  if (code !== null) said.push(['Reason', `${code}: ${reason ?? ''}`], ['', meaningOf(code)]);
  if (outcome === 'ingested') {
    const { read, rejected, waiting } = rows;
    const taken = read - rejected - waiting;
    said.push([
      'Rows',
      `${read} read, ${taken} taken, ${rejected} rejected, ${waiting} waiting for a row they refer to`,
    ]);
  }
  for (const warning of Object.values(receipt.warnings ?? {}))
    said.push(['Warning', warning.note ?? `in line ${warning.lines.join(', ')}`]);
  const columns = output.isTTY ? output.columns : Infinity;
  const lines = said.map(([head, text]) => hang(head.padEnd(HEAD_COLUMNS), printable(text), columns));
  return `${lines.join('\n')}\n${rejectsText(output, receipt)}\n${fitted(output, whatToDo(receipt))}\n`;
}

const HEAD_COLUMNS = 10;

function rejectsText(output: Output, { rejects, reject_counts: counts }: Receipt): string {
  if (rejects.length === 0) return '';
  const columns = ['line', 'column', 'code', { header: 'reason', prose: true }] as const;
  const rows = rejects.map(({ line, column_name: column, code, reason }) => [line, column, code, reason]);
  const more = Object.values(counts).reduce((sum, count) => sum + count, 0) - rejects.length;
  return `\n${layOut(output, columns, rows)}${more > 0 ? `… and ${more} more\n` : ''}`;
}

function meaningOf(code: string): string {
  return Object.entries(FILE_CODES).find(([one]) => one === code)?.[1] ?? '';
}

function whatToDo({ outcome, revision, rows }: Receipt): string {
  if (outcome === 'held' && revision === 0) return 'Nothing is to be done: it is read when its time has come.';
  if (outcome === 'held')
    return 'Please check whether the file is whole; if it is not, send it again under the same name.';
  if (outcome === 'quarantined')
    return 'Nothing of it was loaded. Please send the whole file again, corrected, under the same name.';
  if (rows.rejected > 0) return 'Please correct these rows and send the whole file again under the same name.';
  return rows.waiting > 0 ? 'Please send the rows that these refer to.' : 'Nothing is to be done.';
}
