import type { WarningCode } from './codes.ts';

/** What is doubtful about a file: for each code how often, and the first lines. Kept as JSON in `files.warnings`. */
export type Warnings = Readonly<Partial<Record<WarningCode, Warning>>>;

export interface Warning {
  readonly count: number;
  /** The first few. */
  readonly lines: readonly number[];
  /** What there is to say where it is about no line, e.g. `19 rows; the last 10 files had 60 to 70 (median 65)`. */
  readonly note?: string;
}

/** Line numbers kept for each code. */
const FIRST_LINES = 5;

/** Counts warnings by code, with the first lines of each. */
export interface WarningTally {
  add(code: WarningCode, line: number): void;
  warnings(): Warnings;
}

/** A tally with nothing in it. */
export function createWarningTally(): WarningTally {
  const found: Partial<Record<WarningCode, { count: number; lines: number[] }>> = {};
  const last = new Map<WarningCode, number>();
  return {
    add(code, line) {
      // A row counts once, though it may break two rules of one code.
      if (last.get(code) === line) return;
      last.set(code, line);
      const warning = (found[code] ??= { count: 0, lines: [] });
      warning.count++;
      if (warning.lines.length < FIRST_LINES) warning.lines.push(line);
    },
    warnings: () => found,
  };
}

/** A file's warnings in words: `cut_off (line 12)`; of many lines the first few. */
export function warningsText(warnings: Warnings | null): string {
  return listWarnings(warnings ?? {})
    .map(({ code, ...warning }) => `${code} (${linesText(warning)})`)
    .join(', ');
}

/** Where something is found: `line 12`, `3 rows, lines 4, 7, 9`, `120 rows, first in lines 4, 7, 9`. */
export function linesText({ count, lines, note }: Warning): string {
  if (note !== undefined) return note;
  if (count === 1) return `line ${lines.join()}`;
  return `${count} rows, ${count > lines.length ? 'first in lines' : 'lines'} ${lines.join(', ')}`;
}

/** Two sets of warnings as one. */
export function joinWarnings(some: Warnings, others: Warnings): Warnings {
  const joined: Partial<Record<WarningCode, Warning>> = { ...some };
  for (const { code, ...other } of listWarnings(others)) {
    const { count, lines, note } = joined[code] ?? { count: 0, lines: [] };
    const notes = [note, other.note].filter((one) => one !== undefined).join('; ');
    joined[code] = {
      count: count + other.count,
      lines: [...lines, ...other.lines].slice(0, FIRST_LINES),
      ...(notes === '' ? {} : { note: notes }),
    };
  }
  return joined;
}

/** The warnings as a list. */
export function listWarnings(warnings: Warnings): readonly (Warning & { readonly code: WarningCode })[] {
  return Object.entries(warnings).map(([code, warning]) => ({ code: code as WarningCode, ...warning }));
}
