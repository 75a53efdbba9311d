import { sub } from 'date-fns/sub';
import { LandfallError } from '../model/errors.ts';
import type { CommandIo } from '../system/io.ts';
import type { Search } from '../store/reader.ts';
import { writePieces } from '../output/sink.ts';
import { layOutPieces, type Column, type Row } from '../output/table.ts';

/** What `files` and `rejects` are narrowed to, as it is written on the command line. */
export interface Filter {
  /** Any of these states; none: the verb's own choice. */
  readonly state: readonly string[];
  /** Any of these reason codes; none: all. */
  readonly code: readonly string[];
  /** A part of the file's name, or null. */
  readonly file: string | null;
  /** `2026-08-01`, `2026-08-01T06:00Z`, `12h`, `7d`, or null. */
  readonly since: string | null;
  /** At most so many, 0 for all; null: the verb's own choice. */
  readonly limit: number | null;
}

/** Rows shown as text when `--limit` is not given. */
const FIRST = 50;

/**
 * What a filter asks of the database.
 * @param asText the rows are for a person: the first 50 unless the filter says otherwise
 * @returns `most`: how many rows to show, null: all
 * @throws LandfallError when `since` cannot be read
 */
export function toSearch(filter: Filter, asText: boolean, now: Date): { search: Search; most: number | null } {
  const limit = filter.limit ?? (asText ? FIRST : 0);
  const most = limit === 0 ? null : limit;
  const search = {
    states: filter.state,
    codes: filter.code,
    name: filter.file,
    since: filter.since === null ? null : readSince(filter.since, now),
    // One more than is shown tells whether there are more.
    limit: most === null ? null : most + (asText ? 1 : 0),
  };
  return { search, most };
}

/** Whether a filter leaves anything out but by its limit. */
export function isNarrowed({ state, code, file, since }: Filter): boolean {
  return state.length > 0 || code.length > 0 || file !== null || since !== null;
}

/** How a list is shown as text. */
interface ListLayout<T> {
  readonly columns: readonly Column[];
  readonly toRow: (item: T) => Row;
  /** What a terminal shows instead of an empty table. */
  readonly nothing: string;
}

/**
 * Shows the first rows as text, and says below them, on standard error, where there are more.
 * @param most null: all
 */
export async function showFirst<T>(
  rows: AsyncIterable<T>,
  most: number | null,
  io: CommandIo,
  { columns, toRow, nothing }: ListLayout<T>,
): Promise<void> {
  let left = most ?? Infinity;
  let isMore = false as boolean;
  async function* first(): AsyncGenerator<Row, void> {
    for await (const row of rows) {
      isMore = left === 0;
      if (isMore) return;
      left -= 1;
      yield toRow(row);
    }
  }
  await writePieces(io.stdout, layOutPieces(io.stdout, columns, first(), nothing));
  if (isMore) io.stderr.write(`only the first ${most}: --limit 0 shows all\n`);
}

const MINUTES_IN: Readonly<Record<string, number>> = { m: 1, min: 1, h: 60, d: 24 * 60 };

/**
 * Reads `--since`: a day or a time (UTC), or so many minutes, hours or days ago.
 * @returns ISO 8601, UTC
 * @throws LandfallError when it is neither
 */
function readSince(text: string, now: Date): string {
  const ago = /^(\d{1,6})(m|min|h|d)$/.exec(text);
  if (ago !== null) {
    const minutes = Number(ago[1]) * (MINUTES_IN[ago[2] ?? ''] ?? NaN);
    return sub(now, { minutes }).toISOString();
  }
  const parts = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)Z?)?$/.exec(text);
  const time = parts === null ? NaN : Date.parse(`${parts[1] ?? ''}T${parts[2] ?? '00:00'}Z`);
  if (Number.isNaN(time)) {
    throw new LandfallError(
      'read --since',
      `--since ${JSON.stringify(text)} is not a valid time; expected for example 12h or 2026-08-01`,
      {
        hint: 'also 30m, 7d and 2026-08-01T06:00Z; days and times are UTC',
      },
    );
  }
  return new Date(time).toISOString();
}

/** @throws LandfallError naming the words that are none of those known */
export function checkWords(option: string, words: readonly string[], known: readonly string[]): void {
  const unknown = words.filter((word) => !known.includes(word));
  if (unknown.length > 0) {
    throw new LandfallError(
      `read ${option}`,
      `${option} does not take ${unknown.map((word) => JSON.stringify(word)).join(', ')}`,
      {
        hint: `it takes ${known.join(', ')}`,
      },
    );
  }
}
