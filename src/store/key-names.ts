import type { Dataset } from '../model/feed.ts';
import { quoteName } from './sql-names.ts';

/** The names of the key's columns, quoted. */
export function keyNames({ keys }: Dataset): readonly string[] {
  return keys.map(({ name }) => quoteName(name));
}

/** SQL that is true where two rows have one key. */
export function sameKey(dataset: Dataset, one: string, other: string): string {
  return keyNames(dataset)
    .map((name) => `${one}.${name} = ${other}.${name}`)
    .join(' AND ');
}
