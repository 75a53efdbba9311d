import type { Column, Dataset, Feed } from '../model/feed.ts';

/** A column that refers to the key of another dataset's table. */
export type Reference = Column & { readonly references: string };

/** The columns of a dataset that refer to other tables, in its order. */
export function referencesOf(dataset: Dataset): readonly Reference[] {
  return dataset.columns.filter((column): column is Reference => column.references !== null);
}

/** The dataset that a reference refers to. */
export function parentOf(feed: Feed, reference: Reference): Dataset {
  const parent = feed.datasets.find((dataset) => dataset.table === reference.references);
  if (parent === undefined) throw new Error('a reference of a loaded feed has its dataset');
  return parent;
}
