import { COLUMN_TYPES } from '../../columns/registry.ts';
import type { Column, Dataset } from '../../model/feed.ts';
import { keyNames } from '../key-names.ts';
import { quoteName } from '../sql-names.ts';

/** SQL for the key of a row as one value: of several columns a JSON array of texts, spelt as SQLite spells it. */
export function rowKeyOf(dataset: Dataset, alias: string): string {
  const [first = '', ...others] = keyNames(dataset);
  if (others.length === 0) return `${alias}.${first}`;
  const texts = [first, ...others].map((name) => `to_json(${alias}.${name}::text)::text`);
  return `('[' || ${texts.join(` || ',' || `)} || ']') COLLATE "C"`;
}

/**
 * SQL that is true where a row of the dataset has the key that `value` is as one value; it can be looked up in the table.
 * @param isOurs SQL that is true where `value` is a key of this dataset: others may be no JSON
 */
export function hasRowKey(dataset: Dataset, alias: string, value: string, isOurs: string): string {
  const { keys } = dataset;
  if (keys.length === 1) return `${alias}.${quoteName(keys[0]?.name ?? '')} = ${value}`;
  return keys
    .map(
      (key, at) =>
        `${alias}.${quoteName(key.name)} = ${typed(key, `(CASE WHEN ${isOurs} THEN ${value} END)::json ->> ${at}`)}`,
    )
    .join(' AND ');
}

/** How many bytes the longest key takes up, as SQL. */
export function keyBytes(dataset: Dataset, alias: string): string {
  return dataset.keys
    .map(({ name, type }) => {
      const column = `${alias}.${quoteName(name)}`;
      return `octet_length(${COLUMN_TYPES[type].storage === 'text' ? column : `${column}::text`})`;
    })
    .join(' + ');
}

function typed({ type }: Column, text: string): string {
  const { storage } = COLUMN_TYPES[type];
  if (storage === 'text') return `(${text}) COLLATE "C"`;
  return `(${text})::${storage === 'integer' ? 'bigint' : storage}`;
}
