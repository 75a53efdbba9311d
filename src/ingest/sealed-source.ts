import type { Dataset } from '../model/feed.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import { isProtected } from '../protection/feed-key.ts';
import { createSealer } from '../protection/seal.ts';
import type { Source } from './source.ts';

/** The same file; of a protected dataset rows are given sealed, as they are kept in the database (P9). */
export function sealRows(source: Source, dataset: Dataset, key: ProtectionKey | null): Source {
  if (key === null || !isProtected(dataset)) return source;
  const seal = createSealer(key.sealing);
  return {
    ...source,
    row: (byteOffset, byteLength, encoding) => seal(source.row(byteOffset, byteLength, encoding)),
  };
}
