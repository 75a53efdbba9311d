import { openDraft, type Draft } from '../archive/draft.ts';
import { copyPath } from '../archive/name.ts';
import { mayWait, settleBefore, settleDrafts } from '../archive/settle-drafts.ts';
import { hasStamps } from '../feed/file-name.ts';
import type { Keeping } from '../model/archive.ts';
import { sameStat } from '../landing/file-stat.ts';
import { FileChanged, FileRefused, LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import type { ListedFile } from '../model/listed-file.ts';
import type { Survey } from '../reader/types.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import type { Claim, FileEntry, RejectedRow, Store } from '../store/store.ts';
import { systemCode } from '../system/system-error.ts';
import { requireFewMishaps } from './attempts-allowed.ts';
import { checkTables, hasTableChecks, whileChecking } from './judge-checks.ts';
import { GivenUp, type LoadedFile, loadFile, withRaw } from './load-file.ts';
import { needsThread, readyParser } from './parser.ts';
import { type RejectTally, createRejectTally } from './reject-tally.ts';
import { sealRows } from './sealed-source.ts';
import { type Source, openSource } from './source.ts';
import { surveySource } from './survey-source.ts';
import type { IngestOptions, IngestOutcome } from '../model/ingest.ts';
import type { LedgerEntry } from '../model/ledger.ts';
import type { Warnings } from '../model/warnings.ts';
import type { Mishaps } from '../store/attempts.ts';

/**
 * Ingests one file in one transaction (P2): its rows, rejects, what it heals, its ledger entry and the checkpoint, or nothing.
 * Yields to the event loop between chunks.
 *
 * @returns what became of it; a file that cannot be read as its dataset, or has ended badly too often, is quarantined
 * @throws DatabaseFault for a fault of the database or its disk; a node fs error for a fault of the file; anything else for an
 *   unexpected error, which counts as a failure of the content
 */
export async function ingestFile(store: Store, file: ListedFile, options: IngestOptions): Promise<IngestOutcome> {
  let source: Source | null = null;
  let claim: Claim | null = null;
  try {
    source = sealRows(openSource(file), file.dataset, options.protection ?? null);
    claim = await store.claim(file.name);
    if (claim === null) return { kind: 'claimed' };
    return await ingestSource(store, claim, file, source, options);
  } catch (error) {
    if (error instanceof FileChanged) return { kind: 'changed', reason: error.message };
    if (error instanceof GivenUp) return { kind: 'given_up' };
    throw error;
  } finally {
    source?.close();
    await claim?.release();
  }
}

/** What another daemon has made of a file as it lies there; null: it is to be read. */
function takenBefore({ feed, program }: Store, { stat }: ListedFile, latest: LedgerEntry | null): IngestOutcome | null {
  if (latest === null || latest.revision === 0 || !sameStat(latest.stat, stat)) return null;
  const { fileId, state, archivedTo } = latest;
  if (state === 'ingested') return { kind: 'taken', fileId, state, archivedTo };
  const isOutdated = latest.feedHash !== feed.hash || latest.program !== program;
  return state === 'quarantined' && !isOutdated ? { kind: 'taken', fileId, state, archivedTo } : null;
}

/** A file on its way in, and what is known of it by now. */
interface Ingest {
  readonly store: Store;
  readonly file: ListedFile;
  readonly source: Source;
  readonly options: IngestOptions;
  readonly keeping: Keeping;
  /** The revision that it comes behind; null: it is the first of its name. */
  readonly latest: LedgerEntry | null;
  /** Counts what is refused. */
  readonly tally: RejectTally;
  /** Ms since it was begun. */
  readonly ms: () => number;
  entry: FileEntry;
  /** Null: it was not read yet. */
  survey: Survey | null;
  /** The copy of its bytes in the making; null: none is made. */
  draft: Draft | null;
}

const NOT_KEPT: Keeping = { kind: 'none' };

async function ingestSource(
  store: Store,
  claim: Claim,
  file: ListedFile,
  source: Source,
  options: IngestOptions,
): Promise<IngestOutcome> {
  const begun = performance.now();
  const { keeping = NOT_KEPT } = options;
  if (keeping.kind === 'copy') await settleBefore(keeping.archive, store, file.stat.bytes);
  const startedAt = options.now();
  const { latest, takenAt } = await placeInTime(store, file.name, keeping, startedAt);
  const taken = claim.shared && !options.afresh ? takenBefore(store, file, latest) : null;
  if (taken !== null) return taken;
  const { dataset, name, stat } = file;
  const stamp = stampAfter(store.feed, file, latest);
  const revision = (latest?.revision ?? 0) + 1;
  const entry = {
    dataset,
    name,
    revision,
    stamp,
    sha256: null,
    stat,
    attempts: 0,
    startedAt,
    takenAt,
    archivedTo: null,
  };
  const ingest: Ingest = {
    ...{ store, file, source, options, keeping, latest, tally: createRejectTally(), entry, survey: null, draft: null },
    ms: () => Math.round(performance.now() - begun),
  };
  // Noted before a byte is read: whatever reading it does to this process, the next one knows.
  const before = await openAttempt(ingest);
  let isIngested = false;
  try {
    requireFewMishaps(before);
    const outcome = await readAndLoad(ingest);
    isIngested = outcome.kind === 'ingested';
    return outcome;
  } catch (thrown) {
    const error = unlessChanged(thrown, source);
    if (error instanceof FileRefused) return await quarantine(ingest, error);
    throw await closeAttempt(ingest, error);
  } finally {
    await endCopy(ingest, isIngested);
  }
}

/** The stamp of a revision. Where names have none it is its time of change, or its forerunner's stamp where that is later. */
function stampAfter(feed: Feed, { stamp }: ListedFile, latest: LedgerEntry | null): string {
  const before = latest?.stamp ?? '';
  return hasStamps(feed) || stamp > before ? stamp : before;
}

/** How far behind its forerunner a content is placed where the clock was set back, in ms: others may have to go in between. */
const APART_MS = 1000;

/** When a content is taken, later than the revision that it comes behind even where the clock was set back; and that revision. */
async function placeInTime(
  store: Store,
  name: string,
  keeping: Keeping,
  now: Date,
): Promise<{ latest: LedgerEntry | null; takenAt: string }> {
  const given = keeping.kind === 'kept' ? keeping.takenAt : keeping.kind === 'copy' ? after(keeping.behind, 1) : null;
  if (given !== null) return { latest: await store.latestRevision(name, given), takenAt: given };
  const latest = await store.latestRevision(name);
  const earliest = after(latest?.takenAt ?? null, APART_MS);
  const at = now.toISOString();
  return { latest, takenAt: earliest !== null && earliest > at ? earliest : at };
}

function after(time: string | null, ms: number): string | null {
  return time === null ? null : new Date(Date.parse(time) + ms).toISOString();
}

async function openAttempt(ingest: Ingest): Promise<Mishaps> {
  const { store, entry } = ingest;
  const before = await store.openAttempt(entry, entry.startedAt);
  ingest.entry = { ...entry, attempts: before.failures + before.deaths + 1 };
  return before;
}

async function readAndLoad(ingest: Ingest): Promise<IngestOutcome> {
  const { store, file, source, options, latest, tally, ms } = ingest;
  if (needsThread(file.stat.bytes)) readyParser();
  // A content as long as the latest one is most often the same: a folder that was copied as a whole fills no archive.
  const perhapsSame = latest?.state === 'ingested' && latest.stat.bytes === file.stat.bytes && !options.afresh;
  if (!perhapsSame) await beginCopy(ingest);
  const { sha256, textSha256, survey } = await surveySource(ingest);
  ingest.survey = survey;
  const same = latest?.sha256 === sha256;
  const retried = same && latest.state === 'ingested';
  if (retried && !options.afresh) {
    await store.noteStat(latest, file.stat);
    return { kind: 'unchanged', fileId: latest.fileId };
  }
  if (perhapsSame && (await beginCopy(ingest)) && (await surveySource(ingest)).sha256 !== sha256)
    throw new FileChanged('its content changed while it was read');
  // A quarantined content that is tried again keeps its revision.
  const revision = same && latest.state === 'quarantined' ? latest.revision : ingest.entry.revision;
  ingest.entry = { ...ingest.entry, sha256, revision, archivedTo: pathOfCopy(ingest, sha256) };
  requireFewMishaps(await openAttempt(ingest));
  const copied = finishCopy(ingest);
  const loaded = await loadFile({ store, entry: ingest.entry, source, survey, textSha256, tally, options, copied });
  const warnings = await checkCommitted(ingest, loaded);
  return { kind: 'ingested', revision, retried, rejects: tally.summaries(), ms: ms(), ...loaded, warnings };
}

/** Runs the checks on the tables, which now hold the file's rows. */
async function checkCommitted({ store, file, options }: Ingest, loaded: LoadedFile): Promise<Warnings> {
  const { dataset, name, stat } = file;
  const { fileId, warnings, counts } = loaded;
  if (!hasTableChecks(dataset)) return warnings;
  const bytes = { bytesRead: stat.bytes, bytesTotal: stat.bytes };
  return await whileChecking(checkTables(store, { fileId, dataset, warnings }, options.stop), () => {
    options.onProgress({ name, rows: counts.read, ...bytes, phase: 'checking' });
  });
}

/** @returns whether a copy is made */
async function beginCopy(ingest: Ingest): Promise<boolean> {
  const { store, entry, keeping } = ingest;
  if (keeping.kind !== 'copy') return false;
  const { archive } = keeping;
  archive.drafts += 1;
  await store.noteCopy(entry.name, entry.takenAt);
  ingest.draft = await openDraft(archive, entry.name, entry.takenAt);
  return true;
}

/** Makes the copy durable while the rows are loaded; what goes wrong is heard before the commit. */
function finishCopy({ draft, file }: Ingest): Promise<void> {
  const copied = draft?.finish(Number(file.stat.mtimeNs / 1_000_000n)) ?? Promise.resolve();
  copied.catch(() => undefined);
  return copied;
}

function pathOfCopy({ entry, keeping }: Ingest, sha256: string): string | null {
  switch (keeping.kind) {
    case 'none':
      return null;
    case 'copy':
      return copyPath(entry.name, entry.takenAt, sha256);
    case 'kept':
      return keeping.path;
  }
}

/** Names the copy of what was committed, by and by, and removes any other. Where that fails it is done again with the next copy. */
async function endCopy({ draft, store, keeping, file }: Ingest, isIngested: boolean): Promise<void> {
  if (keeping.kind !== 'copy') return;
  const { archive } = keeping;
  try {
    await draft?.close();
    if (!isIngested || !mayWait(archive, file.stat.bytes)) await settleDrafts(archive, store);
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
  }
}

async function quarantine(ingest: Ingest, { code, message }: FileRefused): Promise<IngestOutcome> {
  const { store, entry, tally, ms } = ingest;
  const refusal = { code, reason: message, rejectCounts: tally.counts(), rejects: firstRejects(ingest) };
  // Refused for what happened the times before, it was not read this time.
  const attempts = code === 'internal_error' ? entry.attempts - 1 : entry.attempts;
  try {
    const fileId = await store.quarantine({ ...entry, attempts }, refusal);
    const { revision } = entry;
    return { kind: 'quarantined', fileId, revision, code, reason: message, rejects: tally.summaries(), ms: ms() };
  } catch (error) {
    throw await closeAttempt(ingest, error);
  }
}

/** The first rejects with their raw texts, as long as the file is what was read (P1). */
function* firstRejects({ tally, source, survey }: Ingest): Generator<RejectedRow> {
  if (survey === null) return;
  for (const row of tally.firstRejected()) yield withRaw(row, source, survey.encoding);
  source.requireUnchanged();
}

/** What was read of a file that has changed since says nothing of it (P1): it is neither refused nor failed, but changed. */
function unlessChanged(error: unknown, source: Source): unknown {
  if (!(error instanceof FileRefused) && !isUnexpected(error)) return error;
  try {
    source.requireUnchanged();
    return error;
  } catch (changed) {
    return changed;
  }
}

/** Neither the file's fault nor the database's: a defect of the program, or of a library, that this content brings out. */
function isUnexpected(error: unknown): boolean {
  const expected = [FileChanged, GivenUp, LandfallError].some((kind) => error instanceof kind);
  return !expected && systemCode(error) === null;
}

/** Notes that an attempt ended with an error; gives that error, which matters more than one of noting its end. */
async function closeAttempt({ store, entry }: Ingest, error: unknown): Promise<unknown> {
  if (error instanceof DatabaseFault && error.isFinal) return error;
  try {
    await store.closeAttempt(entry, isUnexpected(error));
  } catch {
    // The attempt then stays open, and at worst counts as a death.
  }
  return error;
}
