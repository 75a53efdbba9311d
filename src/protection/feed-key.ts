import { LandfallError } from '../model/errors.ts';
import type { Dataset, Feed } from '../model/feed.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import { readKeyFile } from './key-file.ts';

/** Whether any column of a dataset is protected: its rows are then sealed wherever they are kept as sent. */
export function isProtected({ columns }: Pick<Dataset, 'columns'>): boolean {
  return columns.some(({ protect }) => protect != null);
}

/**
 * Reads the key that a feed needs.
 * @param keyFile null: none was named
 * @returns null for a feed that protects nothing
 * @throws LandfallError when it protects columns and there is no key, or none that can be read
 */
export function readFeedKey(feed: Feed, keyFile: string | null): ProtectionKey | null {
  const dataset = feed.datasets.find(isProtected);
  if (dataset === undefined) return null;
  if (keyFile !== null) return readKeyFile(keyFile);
  const names = dataset.columns.flatMap(({ name, protect }) => (protect == null ? [] : [name]));
  throw new LandfallError(
    'read key',
    `the feed protects columns of ${dataset.table} (${names.join(', ')}), and no key is named`,
    {
      hint: 'name its file with --key-file; a new one is made with: landfall key new FILE',
    },
  );
}
