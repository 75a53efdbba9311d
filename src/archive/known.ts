import type { Store } from '../store/store.ts';
import type { StoredCopy } from './list-copies.ts';

/** Whether the ledger has the content of a copy; it does not after a backup from before it was restored. */
export async function isKnown(store: Pick<Store, 'latestRevision'>, copy: StoredCopy): Promise<boolean> {
  const behind = new Date(Date.parse(copy.takenAt) + 1).toISOString();
  const known = await store.latestRevision(copy.name, behind);
  return known?.takenAt === copy.takenAt && known.sha256?.startsWith(copy.digest) === true;
}
