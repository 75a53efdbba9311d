import { z } from 'zod';
import type { Dialect } from '../reader/types.ts';

const lastDialect = z.record(z.string(), z.unknown());
const lastExtra = z.array(z.string());

/** What is new in the way a file is written. */
export interface FormatNews {
  /** Header cells that no column takes and the last file did not have. */
  readonly newExtra: readonly string[];
  /** The names of the dialect's properties that changed. */
  readonly drift: readonly string[];
}

/**
 * Compares the way a file is written with the dataset's last one.
 * @param last dialect and extra header cells of the last file as JSON, or null where there is none
 */
export function formatNews(
  last: { readonly dialect: string; readonly extra: string } | null,
  now: { readonly dialect: Dialect; readonly extra: readonly string[] },
): FormatNews {
  if (last === null) return { newExtra: now.extra, drift: [] };
  const known = new Set(lastExtra.parse(JSON.parse(last.extra)));
  const before = lastDialect.parse(JSON.parse(last.dialect));
  return {
    newExtra: now.extra.filter((cell) => !known.has(cell)),
    drift: Object.entries(now.dialect).flatMap(([property, value]) =>
      isSame(property, before[property], value) ? [] : [property],
    ),
  };
}

/** No quote was seen where nothing needed one: that is no other way to write a file. */
function isSame(property: string, before: unknown, now: unknown): boolean {
  return before === now || (property === 'quote' && (before === null || now === null));
}
