import { setImmediate as nextTurn } from 'node:timers/promises';
import { FileMoved, FileRefused, LandfallError } from '../model/errors.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { createSurveyor } from '../reader/sniff.ts';
import type { Survey } from '../reader/types.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import type { FileEntry, RejectedRow, Store } from '../store/store.ts';
import { systemCode } from '../system/system-error.ts';
import { requireFewMishaps } from './attempts-allowed.ts';
import { GivenUp } from './given-up.ts';
import { loadFile, withRaw } from './file-transaction.ts';
import { needsThread, readyParser } from './parser.ts';
import { type RejectTally, createRejectTally } from './reject-tally.ts';
import { type Source, openSource } from './source.ts';
import type { IngestOptions, IngestOutcome } from '../model/ingest.ts';

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
  try {
    source = openSource(file.path, file.stat);
    return await ingestSource(store, file, source, options);
  } catch (error) {
    if (error instanceof FileMoved) return { kind: 'moved', reason: error.message };
    if (error instanceof GivenUp) return { kind: 'given_up' };
    throw error;
  } finally {
    source?.close();
  }
}

async function ingestSource(
  store: Store,
  file: ListedFile,
  source: Source,
  options: IngestOptions,
): Promise<IngestOutcome> {
  const startedAt = options.now();
  const begun = performance.now();
  const latest = await store.latestRevision(file.name);
  // Noted before a byte is read: whatever reading it does to this process, the next one knows.
  const before = await store.openAttempt({ name: file.name, stat: file.stat, sha256: null }, startedAt);
  const nextRevision = (latest?.revision ?? 0) + 1;
  let entry: FileEntry = {
    dataset: file.dataset,
    name: file.name,
    revision: nextRevision,
    stamp: file.stamp,
    sha256: null,
    stat: file.stat,
    attempts: before.failures + before.deaths + 1,
    startedAt,
  };
  const ms = () => Math.round(performance.now() - begun);
  const tally = createRejectTally();
  let survey: Survey | null = null;
  try {
    requireFewMishaps(before);
    if (needsThread(file.stat.bytes)) readyParser();
    const surveyed = await surveySource(file, source, store, options);
    const { sha256 } = surveyed;
    survey = surveyed.survey;
    const same = latest?.sha256 === sha256;
    if (same && latest.state === 'ingested' && !options.afresh) {
      await store.noteStat(latest, file.stat);
      return { kind: 'unchanged', fileId: latest.fileId, archivedTo: latest.archivedTo };
    }
    // A quarantined content that is tried again keeps its revision.
    const revision = same && latest.state === 'quarantined' ? latest.revision : nextRevision;
    entry = { ...entry, sha256, revision };
    const earlier = await store.openAttempt(entry, startedAt);
    entry = { ...entry, attempts: earlier.failures + earlier.deaths + 1 };
    requireFewMishaps(earlier);
    const loaded = await loadFile({ store, entry, source, survey, tally, options });
    return { kind: 'ingested', revision, rejects: tally.summaries(), ms: ms(), ...loaded };
  } catch (thrown) {
    const error = judge(thrown, source);
    if (error instanceof FileRefused) {
      const rejects = survey === null ? [] : firstRejects(tally, source, survey);
      const fileId = await quarantine(store, entry, error, tally, rejects);
      return {
        kind: 'quarantined',
        fileId,
        revision: entry.revision,
        code: error.code,
        reason: error.message,
        rejects: tally.summaries(),
        ms: ms(),
      };
    }
    throw await closing(store, entry, error);
  }
}

/** Bytes surveyed between two pauses, in which signals are heard. */
const PAUSE_BYTES = 16 * 1024 * 1024;

/** Reads the whole file once: what it is, before a row of it is believed. */
async function surveySource(
  file: ListedFile,
  source: Source,
  store: Store,
  options: IngestOptions,
): Promise<{ sha256: string; survey: Survey }> {
  const walk = source.walk();
  const surveyor = createSurveyor(store.feed.format);
  let bytesRead = 0;
  let pauseAt = PAUSE_BYTES;
  for (const chunk of walk.chunks) {
    surveyor.update(chunk);
    bytesRead += chunk.length;
    if (bytesRead >= pauseAt) {
      pauseAt = bytesRead + PAUSE_BYTES;
      await nextTurn();
      if (options.stop.aborted) throw new GivenUp();
      options.onProgress({ name: file.name, rows: 0, bytesRead, bytesTotal: file.stat.bytes, phase: 'hashing' });
    }
  }
  source.requireUnmoved();
  return { sha256: walk.digest(), survey: surveyor.finish() };
}

async function quarantine(
  store: Store,
  entry: FileEntry,
  { code, message }: FileRefused,
  tally: RejectTally,
  rejects: Iterable<RejectedRow>,
): Promise<number> {
  const refusal = { code, reason: message, rejectCounts: tally.counts(), rejects };
  // Refused for what happened the times before, it was not read this time.
  const attempts = code === 'internal_error' ? entry.attempts - 1 : entry.attempts;
  try {
    return await store.quarantine({ ...entry, attempts }, refusal);
  } catch (error) {
    throw await closing(store, entry, error);
  }
}

/** The first rejects with their raw texts, as long as the file is what was read (P1). */
function* firstRejects(tally: RejectTally, source: Source, survey: Survey): Generator<RejectedRow> {
  for (const row of tally.firstRejected()) yield withRaw(row, source, survey.encoding);
  source.requireUnmoved();
}

/** What was read of a file that has moved since says nothing of it (P1): it is neither refused nor failed, but moved. */
function judge(error: unknown, source: Source): unknown {
  if (!(error instanceof FileRefused) && !isUnexpected(error)) return error;
  try {
    source.requireUnmoved();
    return error;
  } catch (moved) {
    return moved;
  }
}

/** Neither the file's fault nor the database's: a defect of the program, or of a library, that this content brings out. */
function isUnexpected(error: unknown): boolean {
  const expected = [FileMoved, GivenUp, LandfallError].some((kind) => error instanceof kind);
  return !expected && systemCode(error) === null;
}

/** Notes that an attempt ended with an error; gives that error, which matters more than one of noting its end. */
async function closing(store: Store, entry: FileEntry, error: unknown): Promise<unknown> {
  if (error instanceof DatabaseFault && error.isFinal) return error;
  try {
    await store.closeAttempt(entry, isUnexpected(error));
  } catch {
    // The attempt then stays open, and at worst counts as a death.
  }
  return error;
}
