import type { StoredCopy } from '../archive/list-copies.ts';

/** What is still to be removed, and when to look again, in monotonic ms. */
export interface Pruner {
  before: string;
  old: readonly StoredCopy[];
  notBefore: number;
}

/** Nothing was looked at yet. */
export function createPruner(): Pruner {
  return { before: '', old: [], notBefore: -Infinity };
}
