import type { ClientBase, QueryResult } from 'pg';
import type { Feed } from '../../model/feed.ts';
import type { LedgerEntry, Probe } from '../../model/ledger.ts';
import { createQueue } from '../queue.ts';
import type { Claim, Store } from '../store.ts';
import * as attempts from './attempts.ts';
import { createClaims } from './claims.ts';
import { checkingOn, checkTables } from './checking.ts';
import { filesWarnedOf, setWarnings } from './warnings.ts';
import * as copies from './copies.ts';
import { type Run, keepBeating, leave, noteOrigin } from './daemons.ts';
import { decide } from './decisions.ts';
import { createFileTransaction } from './file-transaction.ts';
import { enterFile, enterQuarantined } from './ledger-entry.ts';
import * as ledger from './ledger.ts';
import { keepProtections, protections } from './protections.ts';
import { createServerWork } from './server-work.ts';
import type { Session, Statement } from './session.ts';

/** Entries of the ledger that are read at a time. */
const PAGE = 1_000;

/** What a store on PostgreSQL works with. */
export interface ServerStore {
  readonly feed: Feed;
  readonly program: string;
  /** On which files are loaded. */
  readonly files: Session;
  /** For the ledger: what is noted of a file before its transaction ends stays also where that is rolled back. */
  readonly notes: Session;
  /** This run of the program; null: a rehearsal, which nobody sees. */
  readonly run: Run | null;
  readonly probe: Probe;
}

/** In a rehearsal there is nobody else. */
const ALONE: Claim = { shared: false, release: () => Promise.resolve() };

/** The store on a server. Whatever is asked while a file is loaded waits for its end, as in SQLite. */
export function createStore({ feed, program, files, notes, run, probe }: ServerStore): Store {
  const author = { feed, program };
  const checking = checkingOn(feed, run === null ? null : notes);
  const process = run?.process ?? 'rehearsal';
  const claims = createClaims(files);
  const serverWork = createServerWork();
  const beating = run === null ? null : keepBeating(notes, run, claims.inHand, serverWork);
  // What a claimed file commits ends the claim.
  const committing = async <T>(
    operation: string,
    name: string,
    work: (client: ClientBase) => Promise<T>,
  ): Promise<T> => {
    const held = claims.held(name);
    if (held === null) return await files.transaction(operation, 'write', work);
    const result = await held.attempt(operation, work);
    await held.commit(operation);
    claims.done();
    return result;
  };
  const queue = createQueue();
  const reading = <T>(work: Parameters<typeof notes.transaction<T>>[2]): Promise<T> =>
    queue(() => notes.transaction('read ledger', 'snapshot', work));
  const writing = <T>(operation: string, work: Parameters<typeof notes.transaction<T>>[2]): Promise<T> =>
    queue(() => notes.transaction(operation, 'write', work));
  const asking = (statement: Statement): Promise<readonly QueryResult[]> =>
    queue(() => notes.note('note attempt', [statement]));
  const noting = async (...statements: readonly Statement[]): Promise<void> => {
    await queue(() => notes.note('note attempt', statements));
  };

  return {
    ...{ feed, program, rowFormat: 'postgres' },
    latestRevisions: () => byPage((after) => reading((client) => ledger.latestRevisions(client, feed, after, PAGE))),
    latestRevision: (name, before) => reading((client) => ledger.latestRevision(client, feed, name, before)),
    noteUnread: (names, now) => writing('write ledger', (client) => ledger.noteUnread(client, author, names, now)),
    noteStat: (entry, stat) => writing('write ledger', (client) => ledger.noteStat(client, entry, stat)),
    noteCopy: (name, takenAt) => noting(copies.noteCopy(process, name, takenAt)),
    openCopies: () => reading((client) => copies.openCopies(client, process)),
    closeCopies: (notes) => noting(copies.closeCopies(notes)),
    requestRetries: (names, now) => writing('request retry', (client) => ledger.requestRetries(client, names, now)),
    pendingRetries: () => reading((client) => ledger.pendingRetries(client)),
    protections: () => reading((client) => protections(client)),
    keepProtections: (kept) => writing('write ledger', (client) => keepProtections(client, kept)),
    decide: (decision, now) => writing('decide', (client) => decide(client, decision, now)),
    claim: (name) => queue(() => (run === null ? Promise.resolve(ALONE) : claims.claim(name))),
    openAttempt: async (content, now) => attempts.mishapsOf(await asking(attempts.openAttempt(process, content, now))),
    closeAttempt: (content, failed) => noting(...attempts.closeAttempt(process, content, failed)),
    suspects: (atLeast) => reading((client) => attempts.readSuspects(client, atLeast)),
    transact: (entry, rowText, work) =>
      queue(async () => {
        const result = await committing('ingest', entry.name, async (client) => {
          if (run !== null) await noteOrigin(client, run, entry);
          const fileId = await enterFile(client, author, entry);
          const { whileItWorks } = serverWork;
          const done = await work(
            createFileTransaction(client, author, checking, fileId, entry, rowText, run?.process ?? null, whileItWorks),
          );
          probe('before_commit');
          return done;
        });
        probe('after_commit');
        return result;
      }),
    checkTables: (dataset, stop) =>
      queue(() => (run === null ? Promise.resolve([]) : checkTables(files, checking, dataset, stop))),
    setWarnings: (fileId, warnings) => writing('write ledger', (client) => setWarnings(client, fileId, warnings)),
    filesWarnedOf: (code) => reading((client) => filesWarnedOf(client, code)),
    quarantine: (entry, refusal) =>
      queue(() => committing('quarantine', entry.name, (client) => enterQuarantined(client, author, entry, refusal))),
    // The server empties its log by itself.
    maintain: () => Promise.resolve({ bytes: 0, pinned: false }),
    close: () =>
      queue(async () => {
        beating?.dispose();
        if (run !== null) await notes.note('leave', [leave(run)]).catch(() => undefined);
        await Promise.allSettled([files.close(), notes.close()]);
      }),
  };
}

/** All entries, by name, read a page at a time. */
async function* byPage(pageAfter: (name: string) => Promise<readonly LedgerEntry[]>): AsyncGenerator<LedgerEntry> {
  for (let after: string | undefined = ''; after !== undefined;) {
    const page: readonly LedgerEntry[] = await pageAfter(after);
    yield* page;
    after = page.length < PAGE ? undefined : page.at(-1)?.name;
  }
}
