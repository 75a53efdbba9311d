import { type Warning, type Warnings, listWarnings } from '../model/warnings.ts';

/** A file's warnings for a person: `cut_off (line 12)`; of many lines the first few. */
export function warningsText(warnings: Warnings | null): string {
  return listWarnings(warnings ?? {})
    .map(({ code, ...warning }) => `${code} (${linesText(warning)})`)
    .join(', ');
}

/** Where something is found: `line 12`, `3 rows, lines 4, 7, 9`, `120 rows, first in lines 4, 7, 9`. */
export function linesText({ count, lines }: Warning): string {
  if (count === 1) return `line ${lines.join()}`;
  return `${count} rows, ${count > lines.length ? 'first in lines' : 'lines'} ${lines.join(', ')}`;
}
