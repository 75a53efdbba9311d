import { LandfallError } from '../model/errors.ts';
import type { Dataset, Feed } from '../model/feed.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import type { KeptProtection } from '../model/ledger.ts';
import type { Store } from '../store/store.ts';

const HINT = 'fill a new database with the files again: see "Protection" in docs/protection.md';

/**
 * Makes sure that the rows in a database are protected as the feed says, under the key at hand, and keeps that for the next start: rows
 * that are there cannot be protected, or told apart from new ones, after the fact.
 * @param key null: the feed protects nothing
 * @throws LandfallError when rows are kept in the clear that the feed protects, or otherwise than it says, or under another key
 */
export async function bindProtection(store: Store, feed: Feed, key: ProtectionKey | null): Promise<void> {
  const kept = await store.protections();
  const wanted = new Map(feed.datasets.map((dataset) => [dataset.name, wantedFor(dataset, key)]));
  for (const { name, table } of feed.datasets) {
    const [has, wants] = [kept.get(name), wanted.get(name)];
    if (has === undefined || wants === undefined) continue;
    const differing = differences(has.columns, wants.columns);
    if (differing.length > 0)
      throw new LandfallError(
        'open database',
        `the rows of ${table} in the database are not protected as the feed says: ${differing.join(', ')}`,
        {
          hint: HINT,
        },
      );
    if (has.fingerprint !== wants.fingerprint)
      throw new LandfallError(
        'open database',
        `the rows of ${table} in the database are protected under the key ${has.fingerprint}, and the one at hand is ${wants.fingerprint}`,
        { hint: `name that key with --key-file, or ${HINT}` },
      );
  }
  const news = [...wanted].filter(
    ([name, { fingerprint }]) => fingerprint !== null && kept.get(name)?.fingerprint == null,
  );
  if (news.length > 0) await store.keepProtections(new Map(news));
}

function wantedFor({ columns }: Dataset, key: ProtectionKey | null): KeptProtection {
  const protectedColumns = columns.flatMap(({ name, protect }) => (protect == null ? [] : [[name, protect] as const]));
  return {
    fingerprint: protectedColumns.length === 0 ? null : (key?.fingerprint ?? null),
    columns: Object.fromEntries(protectedColumns),
  };
}

/** `patient_id is in the clear, not hash`. */
function differences(has: KeptProtection['columns'], wants: KeptProtection['columns']): readonly string[] {
  return [...new Set([...Object.keys(has), ...Object.keys(wants)])]
    .filter((column) => has[column] !== wants[column])
    .map((column) => `${column} is ${has[column] ?? 'in the clear'}, not ${wants[column] ?? 'in the clear'}`);
}
