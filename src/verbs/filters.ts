import { type Command, InvalidArgumentError } from 'commander';
import type { Filter } from '../commands/filter.ts';

/** What was given of a filter. */
export type FilterFlags = Partial<Filter>;
/** Lets everything through. */
export const NO_FILTER: Filter = { state: [], code: [], file: null, since: null, limit: null };

/**
 * Adds the options that choose from a list.
 * @param states the words that `--state` takes
 */
export function addFilters(command: Command, states: string): Command {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  return command
    .option('--state <state>', `only this state (${states}); may be given again`, collect)
    .option('--code <code>', 'only this reason code; may be given again', collect)
    .option('--file <text>', 'only files with this in their name')
    .option('--since <time>', 'only what was finished since: 2026-08-01, 2026-08-01T06:00Z, 30m, 12h or 7d')
    .option('--limit <n>', 'at most so many, 0 is all; default 50 in text, else all', wholeNumber);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
