import { z } from 'zod';

const schema = z.record(z.string(), z.object({ count: z.number(), lines: z.array(z.number()) }));

/** A file's warnings for a person: `cut_off (line 12)`; of many lines the first few. */
export function warningsText(json: string | null): string {
  if (json === null) return '';
  const warnings = schema.parse(JSON.parse(json));
  return Object.entries(warnings)
    .map(([code, warning]) => `${code} (${linesText(warning)})`)
    .join(', ');
}

/** Where something is found: `line 12`, `3 rows, lines 4, 7, 9`, `120 rows, first in lines 4, 7, 9`. */
export function linesText({ count, lines }: { readonly count: number; readonly lines: readonly number[] }): string {
  if (count === 1) return `line ${lines.join()}`;
  return `${count} rows, ${count > lines.length ? 'first in lines' : 'lines'} ${lines.join(', ')}`;
}
