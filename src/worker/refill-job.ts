import { closeSync, existsSync, fstatSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ArchiveFault } from '../archive/archive.ts';
import { isKnown } from '../archive/known.ts';
import { inOrderTaken, listCopies, type StoredCopy } from '../archive/list-copies.ts';
import { damageOf, writeCopy } from '../archive/read-copy.ts';
import { readFileName } from '../feed/file-name.ts';
import { loadFeed } from '../feed/load.ts';
import { fileStat } from '../landing/file-stat.ts';
import { stampOfChange } from '../landing/stamp.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_FAILED, EXIT_REFUSED } from '../model/exit-codes.ts';
import type { Feed } from '../model/feed.ts';
import { isRefused } from '../model/ingest.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { counted } from '../output/counted.ts';
import type { Store } from '../store/store.ts';
import { bindProtection } from '../ingest/bind-protection.ts';
import { runDueChecks } from '../ingest/judge-checks.ts';
import { readFeedKey } from '../protection/feed-key.ts';
import { isUrl } from '../settings/database-url.ts';
import { openUnnamedFile } from '../system/private-files.ts';
import { systemCode } from '../system/system-error.ts';
import type { Settings } from '../settings/settings.ts';
import { openDatabase } from './database-session.ts';
import { openIntake, openTelling } from './intake-session.ts';
import type { Supervised } from './supervisor-link.ts';
import { ingest } from './take-files.ts';

/**
 * What `refill` does in its own process: reads from archives what the database lacks, in the order in which it was taken. Each content
 * gets the place among the revisions of its name that its time gives it, so that the tables are those that they were made of.
 * @returns 0 all in, 3 a copy is damaged, or a file or row was refused, 1 stopped before everything was in
 * @throws LandfallError when someone else writes the database, or it does not fit the feed; ArchiveFault when an archive cannot be read
 */
export async function performRefill(supervised: Supervised, archives: readonly string[]): Promise<number> {
  const { settings, io, logger } = supervised;
  const feed = loadFeed(settings.feed, settings.env);
  const protection = readFeedKey(feed, settings.keyFile);
  const copies = archives.flatMap(listCopies).sort(inOrderTaken);
  const opened = await openDatabase(supervised, feed, 'refill', null);
  if (opened.kind === 'held') throw opened.problem;
  if (opened.kind === 'stopped') return EXIT_FAILED;
  const { store } = opened;
  try {
    supervised.send({ kind: 'ready' });
    await bindProtection(store, feed, protection);
    await runDueChecks(store, io.stop);
    const intake = openIntake(supervised, feed, openTelling(supervised, feed), store, protection, {
      hasNews: () => false,
      tellAgain: false,
    });
    const lacking = await findLacking(store, copies);
    logger.info({ copies: copies.length, lacking: lacking.length }, `${counted(lacking.length, 'content')} to be read`);
    let exitCode = 0;
    for (const [at, copy] of lacking.entries()) {
      if (io.stop.aborted) return EXIT_FAILED;
      intake.work.change({ doing: 'ingesting', due: lacking.length - at });
      using room = openRoom(settings);
      const file = await takeOut(feed, copy, protection?.archive ?? null, room.handle);
      if (typeof file === 'string') {
        logger.error({ file: copy.name, copy: copy.path }, file);
        exitCode = EXIT_REFUSED;
        continue;
      }
      const outcome = await ingest(intake, file, true, { kind: 'kept', takenAt: copy.takenAt, path: copy.path });
      if (outcome.kind === 'given_up' || outcome.kind === 'changed') return EXIT_FAILED;
      if (isRefused(outcome)) exitCode = EXIT_REFUSED;
      await intake.maintain();
      await nextTurn();
    }
    intake.work.change({ doing: 'idle', due: 0 });
    return exitCode;
  } finally {
    await store.close();
  }
}

/** Of copies those whose contents the ledger does not have; what lies in two archives is taken once. */
async function findLacking(store: Store, copies: readonly StoredCopy[]): Promise<readonly StoredCopy[]> {
  const lacking: StoredCopy[] = [];
  for (const copy of copies) {
    if (lacking.at(-1)?.path === copy.path) continue;
    if (!(await isKnown(store, copy))) lacking.push(copy);
  }
  return lacking;
}

/**
 * Where the content in hand lies while it is read: in a file without a name on the disk of the database, since it may be patient data that
 * is protected everywhere else.
 */
function openRoom({ db, stateDir }: Settings): Disposable & { readonly handle: number } {
  const folder = isUrl(db) ? stateDir : path.dirname(db);
  mkdirSync(folder, { recursive: true });
  const handle = openUnnamedFile(folder);
  return {
    handle,
    [Symbol.dispose]: () => {
      closeSync(handle);
    },
  };
}

/** @returns the file as if it were listed, or why it cannot be read */
async function takeOut(feed: Feed, copy: StoredCopy, key: Uint8Array | null, to: number): Promise<ListedFile | string> {
  const meaning = readFileName(feed, copy.name);
  if (meaning.kind !== 'taken') return `a copy whose name is not one of the feed ${feed.name}: left out`;
  const problem = await writeOut(copy, key, to);
  if (problem !== null) return `its copy ${problem}: left out; "landfall archive verify" names all such`;
  const at = path.join(copy.archive, copy.path);
  const { mtimeNs } = statSync(at, { bigint: true });
  const stamp = meaning.stamp ?? stampOfChange({ mtimeNs });
  const stat = fileStat(fstatSync(to, { bigint: true }));
  return { name: copy.name, path: at, unnamed: to, dataset: meaning.dataset, stamp, stat };
}

/**
 * Writes the content of a copy. A copy that cannot be read keeps no other out; an archive that is gone does.
 * @returns what is wrong with the copy; null: nothing
 */
async function writeOut(copy: StoredCopy, key: Uint8Array | null, to: number): Promise<string | null> {
  try {
    return (await writeCopy(copy, key, to))?.startsWith(copy.digest) === true ? null : `is ${await damageOf(copy)}`;
  } catch (error) {
    if (error instanceof ArchiveFault && existsSync(copy.archive)) return `cannot be read (${error.code})`;
    const code = systemCode(error);
    if (code === null) throw error;
    const hint = 'free space on the disk of the database; another refill goes on where this one ends';
    throw new LandfallError('refill', `a content cannot be written (${code})`, { hint, cause: error });
  }
}
