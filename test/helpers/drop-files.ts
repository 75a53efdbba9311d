/** Drops files of any feed into a landing folder, and takes them in the order in which the daemon would. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import { listLanding } from '../../src/landing/list.ts';
import { orderFiles } from '../../src/landing/order.ts';
import type { ProtectionKey } from '../../src/model/protection-key.ts';
import { deriveKey } from '../../src/protection/key.ts';
import type { Store } from '../../src/store/store.ts';

/** The key under which the tests of examples protect. */
export const EXAMPLE_KEY = deriveKey(new Uint8Array(32).fill(5));

/** A database that a feed is tried on. */
export interface Tried {
  readonly store: Store;
  readonly rows: (sql: string) => Promise<readonly object[]>;
}

/**
 * Drops files and takes what is there.
 * @param files names below the landing folder with their lines; each was made a second after the one before
 * @param from how many were made before the first
 * @param held names of those that a check holds
 */
export async function drop(
  store: Store,
  landing: string,
  files: readonly (readonly [string, readonly string[]])[],
  { from = 0, key = EXAMPLE_KEY, held = [] }: { from?: number; key?: ProtectionKey; held?: readonly string[] } = {},
): Promise<void> {
  for (const [at, [name, lines]] of files.entries()) {
    const path = join(landing, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${lines.join('\n')}\n`);
    const changed = new Date(Date.UTC(2026, 7, 1, 6, 0, from + at));
    utimesSync(path, changed, changed);
  }
  const { files: listed, unread } = listLanding({
    folder: landing,
    feed: store.feed,
    wall: Date.now(),
    passOver: () => false,
  });
  expect(unread).toEqual([]);
  for (const file of orderFiles(store.feed, listed)) {
    const outcome = await ingestFile(store, file, {
      afresh: false,
      stop: new AbortController().signal,
      onProgress: () => undefined,
      now: () => new Date('2026-09-10T12:00:00Z'),
      protection: key,
    });
    // `taken`: on a server what the ledger has is not read again, since another daemon may have read it.
    expect(outcome.kind).toMatch(
      held.includes(file.name) ? /^(?:quarantined|taken)$/ : /^(?:ingested|unchanged|taken)$/,
    );
  }
}
