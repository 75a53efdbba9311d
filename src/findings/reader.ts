import { existsSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import { describeError } from '../output/error-report.ts';
import { assessData, neededSince } from '../status/data-status.ts';
import { openReader } from '../store/open.ts';
import type { FileRow, Search, StoreReader } from '../store/reader.ts';
import type { CommandIo } from '../system/io.ts';
import { readDataConditions, type DataConditions, type DataPlace } from './data-conditions.ts';
import {
  toReaderSchema,
  type FilePage,
  type FilesPage,
  type Findings,
  type FromReader,
  type Question,
  type ShownFile,
} from './questions.ts';

/** Files shown in each list of the status. */
const FIRST = 100;

/** Files on a page of the ledger, and in the ledger on the first page. */
const FILES_A_PAGE = 50;
const NEWEST = 15;

/** Rejects on a page of a file. */
const REJECTS_A_PAGE = 100;

/** Revisions that a file's page names. */
const MOST_REVISIONS = 50;

const ALL: Search = { states: [], codes: [], name: null, since: null, limit: null };

/** Where to look. */
interface Place extends DataPlace {
  readonly landing: string;
}

/**
 * The child process that reads the database for what is served over HTTP and for alerts, so that neither a slow, locked or damaged
 * database nor a dead disk ever holds up the supervisor. It answers one question after the other until its parent is gone, and may be killed at any
 * instant.
 * @returns the exit code
 */
export async function runReader({ parent }: CommandIo): Promise<number> {
  if (parent === null) return 0;
  yieldToOthers();
  const gone = Promise.withResolvers<number>();
  parent.onGone(() => {
    gone.resolve(0);
  });
  let place: Promise<Place> = Promise.reject(new LandfallError('read', 'it was not told what to read'));
  place.catch(() => undefined);
  let before: Promise<void> = Promise.resolve();
  parent.onMessage((message) => {
    const read = toReaderSchema.safeParse(message);
    if (!read.success) return;
    const told = read.data;
    if ('db' in told) {
      place = Promise.try(() => ({ ...told, feed: loadFeed(told.feed, told.env) }));
      place.catch(() => undefined);
      return;
    }
    before = before.then(async () => {
      parent.send(await answerTo(told.id, place, told.question));
    });
  });
  return await gone.promise;
}

/** The load goes before. */
function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // A sandbox may forbid it: then they share.
  }
}

async function answerTo(id: number, place: Promise<Place>, question: Question): Promise<FromReader> {
  try {
    return { id, answer: await ask(await place, question), problem: null };
  } catch (error) {
    const [problem = ''] = describeError(error).split('\n');
    return { id, answer: null, problem };
  }
}

/**
 * Asks the database, which is opened anew for each question: it may have been replaced since.
 * @throws LandfallError when it cannot be asked
 */
export async function ask(
  place: Place,
  question: Question,
): Promise<Findings | DataConditions | FilesPage | FilePage | null> {
  if (question.kind === 'conditions') return await readDataConditions(place, question.holder, new Date(question.now));
  const reader = await openReader(place.db, place.feed);
  try {
    switch (question.kind) {
      case 'findings':
        return await find(reader, place, question.since, new Date(question.now));
      case 'files': {
        const { before, state, name } = question;
        const after = before === null ? null : { file_id: before, line: 0, reject_id: 0 };
        const search = { ...ALL, name, states: state === null ? [] : [state], after, limit: FILES_A_PAGE + 1 };
        const files = await Array.fromAsync(reader.files(search), shown);
        return { files: files.slice(0, FILES_A_PAGE), more: files.length > FILES_A_PAGE };
      }
      case 'file':
        return await findFile(reader, question.fileId, question.after);
    }
  } finally {
    await reader.close();
  }
}

async function find(
  reader: StoreReader,
  { feed, landing, alertRejected }: Place,
  since: string,
  now: Date,
): Promise<Findings> {
  const begun = performance.now();
  const status = await reader.status(FIRST);
  const last = status.last_file;
  const findings = {
    feed: feed.name,
    status: { ...status, last_file: last === null ? null : { ...last, extra: null } },
    size: await reader.size(),
    overview: await reader.overview(since),
    data: assessData(feed, await reader.deliveries(neededSince(feed, now)), alertRejected, now),
    newest: await Array.fromAsync(reader.files({ ...ALL, limit: NEWEST }), shown),
    inLanding: status.quarantined.newest.map(({ name }) => name).filter((name) => existsSync(join(landing, name))),
  };
  return { ...findings, ms: performance.now() - begun };
}

async function findFile(
  reader: StoreReader,
  fileId: number,
  after: { readonly line: number; readonly reject_id: number } | null,
): Promise<FilePage | null> {
  const above = { file_id: fileId + 1, line: 0, reject_id: 0 };
  const [file] = await Array.fromAsync(reader.files({ ...ALL, after: above, limit: 1 }), shown);
  if (file?.file_id !== fileId) return null;
  const named = await Array.fromAsync(reader.files({ ...ALL, name: file.name, limit: MOST_REVISIONS }), shown);
  const place = { file_id: fileId, ...(after ?? { line: 0, reject_id: 0 }) };
  const search = { ...ALL, name: file.name, after: place, limit: REJECTS_A_PAGE + 1 };
  const rejects = await Array.fromAsync(reader.rejects(search, false));
  const own = rejects.filter((reject) => reject.file_id === fileId);
  return {
    file,
    revisions: named.filter(({ name }) => name === file.name),
    rejects: own.slice(0, REJECTS_A_PAGE),
    more: own.length > REJECTS_A_PAGE,
  };
}

/** Without what is known of the header: a cell that no column takes may be a value (P8). */
function shown(file: FileRow): ShownFile {
  return Object.fromEntries(
    Object.entries(file).filter(([name]) => name !== 'extra' && name !== 'dialect'),
  ) as ShownFile;
}
