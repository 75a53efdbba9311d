import { parse } from '../ingest/parse.ts';
import { isDoubtful, resultText } from '../ingest/judge-checks.ts';
import { FileRefused } from '../model/errors.ts';
import type { Dataset, Feed } from '../model/feed.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import { isProtected } from '../protection/feed-key.ts';
import { surveyAll } from '../reader/sniff.ts';
import { openIncoming } from '../store/open.ts';

/** A file that is previewed as a dataset of its feed. */
export interface CheckedPreview {
  readonly feed: Feed;
  readonly dataset: Dataset;
  /** The setting: it names the kind of database that the checks are written for. */
  readonly db: string;
  readonly key: ProtectionKey | null;
  readonly now: Date;
  /** Its bytes, from the beginning. */
  readonly bytes: () => Iterable<Uint8Array>;
}

/** What the checks on the rows of a file say, where they can be run without a database: on SQLite, with the key that they may need. */
export interface PreviewFindings {
  readonly lines: readonly string[];
  /** Whether one would hold the file. */
  readonly isHeld: boolean;
}

/** Nothing was found, or checked. */
export const NO_FINDINGS: PreviewFindings = { lines: [], isHeld: false };

/** Runs the checks on the rows of a file that is previewed. @throws what reading it raises, but for what the ingest refuses */
export async function foretellChecks(preview: CheckedPreview): Promise<PreviewFindings> {
  const { feed, dataset, db, key, now, bytes } = preview;
  const names = dataset.checks.filter(({ on }) => on === 'incoming').map(({ name }) => name);
  if (names.length === 0) return NO_FINDINGS;
  const unrun = (why: string): PreviewFindings => ({
    lines: [`checks not run, ${why}: ${names.join(', ')}`],
    isHeld: false,
  });
  if (isProtected(dataset) && key === null) return unrun('since they see protected values (--key-file)');
  const incoming = await openIncoming(db, feed, dataset);
  if (incoming === null) return unrun('since they are run on the server ("landfall check" does)');
  try {
    const survey = surveyAll(bytes(), feed.format);
    const hashing = key?.hashing ?? null;
    const options = { dataset, format: feed.format, survey, rowFormat: 'sqlite', takenAt: now, hashing } as const;
    for (const { sets } of parse(bytes(), options)) await incoming.add(sets);
    const found = (await incoming.check(new AbortController().signal)).filter(isDoubtful);
    const lines = found.map((result) => {
      const then = result.check.severity === 'quarantine' ? 'would hold the file' : 'would warn';
      return `check ${resultText(result)} (${then})`;
    });
    return { lines, isHeld: found.some(({ check }) => check.severity === 'quarantine') };
  } catch (error) {
    if (error instanceof FileRefused) return NO_FINDINGS;
    throw error;
  } finally {
    await incoming.close();
  }
}
