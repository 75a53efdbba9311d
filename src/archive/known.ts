import type { LedgerEntry } from '../model/ledger.ts';
import type { Store } from '../store/store.ts';
import type { StoredCopy } from './list-copies.ts';

/** Whether the ledger has the content of a copy, be it as refused; it does not after a backup from before it was restored. */
export async function isKnown(store: Pick<Store, 'latestRevision'>, copy: StoredCopy): Promise<boolean> {
  return (await findEntry(store, copy)) !== null;
}

/** Whether the ledger names a copy: its rows are in. A content that a refill has refused is in the archive alone. */
export async function isNamed(store: Pick<Store, 'latestRevision'>, copy: StoredCopy): Promise<boolean> {
  return (await findEntry(store, copy))?.archivedTo === copy.path;
}

async function findEntry(store: Pick<Store, 'latestRevision'>, copy: StoredCopy): Promise<LedgerEntry | null> {
  const behind = new Date(Date.parse(copy.takenAt) + 1).toISOString();
  const entry = await store.latestRevision(copy.name, behind);
  return entry?.takenAt === copy.takenAt && entry.sha256?.startsWith(copy.digest) === true ? entry : null;
}
