import type { Dataset } from '../model/feed.ts';

/** The places of the key's columns among a dataset's columns, in the order of the key. */
export function keyPlaces({ keys, columns }: Pick<Dataset, 'keys' | 'columns'>): readonly number[] {
  return keys.map((key) => columns.findIndex(({ name }) => name === key.name));
}

/**
 * A key as one value: that of its column; of several columns a JSON array of their texts, e.g. `["C1","2"]`.
 * @param values those of the key's columns, in their order
 */
export function rowKey(values: readonly (string | number | boolean | null)[]): string {
  return values.length === 1 ? String(values[0]) : JSON.stringify(values.map(String));
}
