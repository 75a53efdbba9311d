import type { Dataset } from '../../model/feed.ts';
import { keyNames } from '../key-names.ts';

/** SQL for the key of a row as one value: of several columns a JSON array of texts. */
export function rowKeyOf(dataset: Dataset, alias: string): string {
  const [first = '', ...others] = keyNames(dataset);
  if (others.length === 0) return `${alias}.${first}`;
  return `json_array(${[first, ...others].map((name) => `CAST(${alias}.${name} AS TEXT)`).join(', ')})`;
}

/**
 * SQL that is true where a row of the dataset has the key that `value` is as one value; it can be looked up in the table.
 * @param isOurs SQL that is true where `value` is a key of this dataset: others may be no JSON
 */
export function hasRowKey(dataset: Dataset, alias: string, value: string, isOurs: string): string {
  const names = keyNames(dataset);
  if (names.length === 1) return `${alias}.${names[0] ?? ''} = ${value}`;
  return names.map((name, at) => `${alias}.${name} = CASE WHEN ${isOurs} THEN ${value} ->> ${at} END`).join(' AND ');
}
