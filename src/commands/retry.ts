import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { STARTING } from '../model/work.ts';
import type { Supervised } from '../worker/child.ts';
import { storeLedger } from '../worker/ledger.ts';
import { holderOf, openOwn, storeOptions } from '../worker/database-session.ts';
import { reportFile } from '../worker/report.ts';
import { supervise } from '../supervisor/supervise.ts';
import { EXIT_FAILED, EXIT_REFUSED } from '../model/exit-codes.ts';
import { readFileName } from '../feed/file-name.ts';
import { loadFeed } from '../feed/load.ts';
import type { Feed } from '../model/feed.ts';
import { isRefused } from '../model/ingest.ts';
import type { IngestProgress } from '../model/ingest.ts';
import type { CommandIo } from '../system/io.ts';
import { isStill, lstat } from '../landing/file-stat.ts';
import { listLanding } from '../landing/list.ts';
import { holdFuture, orderBatch } from '../landing/order.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { createLog, createRelay } from '../output/log.ts';
import type { Settings } from '../settings/settings.ts';
import { requestRetry } from '../store/sqlite/ledger.ts';
import { tryLock } from '../store/sqlite/lock.ts';
import { closeStore, openBeside, type Store } from '../store/sqlite/open.ts';
import { printable } from '../output/terminal.ts';

/** What `retry` takes. */
export interface RetryOptions {
  readonly settings: Settings;
  /** File names in the landing folder; a path is taken by its last part. */
  readonly names: readonly string[];
}

/**
 * Has files read again, each as a new revision (a quarantined one in the revision it has): by the daemon where one runs, else at once.
 * @returns as `readNamed`; 1 too when the process that reads them has died
 */
export function retry(options: RetryOptions, io: CommandIo): Promise<number> {
  const { settings, names } = options;
  return supervise({
    settings,
    job: { verb: 'retry', names: [...names] },
    io,
    logger: createLog(settings, io.stdout, io.program.pid),
    relay: createRelay(settings, io.stdout),
    onWork: () => undefined,
  });
}

/**
 * What `retry` does in its own process.
 * @returns 0 done or asked for, 3 a file was quarantined or a row rejected, 1 a name is not a file of the landing folder,
 *   or a file cannot be read or is held for its stamp
 * @throws LandfallError, DatabaseFault when the database cannot be opened or written
 */
export async function readNamed(supervised: Supervised, asked: readonly string[]): Promise<number> {
  const { settings, io, before } = supervised;
  const feed = loadFeed(settings.feed);
  const names = new Set(asked.map((name) => path.basename(name)));
  const files = find(settings.landing, feed, names, io);
  const missing = [...names].filter((name) => !files.some((file) => file.name === name));
  for (const name of missing) {
    io.stderr.write(`landfall: retry ${printable(name)}: ${problemOf(feed, name, settings.landing)}\n`);
  }
  // Taken in before its time it would freeze its keys (rule 8), whoever asks.
  const { held } = holdFuture(files, io.now().getTime());
  for (const { name, reason } of held) io.stderr.write(`landfall: ${printable(name)} cannot be read yet: ${reason}\n`);
  if (missing.length + held.length > 0) return EXIT_FAILED;

  const lock = tryLock(settings.db, holderOf(io, 'retry', supervised.supervisorPid));
  try {
    const store = lock === null ? openBeside(storeOptions(settings, io, feed)) : openOwn(settings, io, feed, before);
    try {
      // The wish comes first: it outlives a process that is killed.
      for (const file of files) requestRetry(store, file.name, io.now());
      if (lock !== null) return await readAgain(supervised, store, feed, files);
    } finally {
      closeStore(store);
    }
  } finally {
    lock?.release();
  }
  io.stdout.write(`asked the daemon to read again: ${files.map((file) => printable(file.name)).join(', ')}\n`);
  return 0;
}

/** Why a name is none that can be read again. */
function problemOf(feed: Feed, name: string, landing: string): string {
  if (readFileName(feed, name).kind !== 'taken') return `its name is not one of the feed ${feed.name}`;
  if (lstat(path.join(landing, name))?.size === 0n) return 'it is empty: it is read when it has content';
  return `there is no such file in ${printable(landing)} (one that was archived is first copied back under its old name)`;
}

/** The files of these names, as they lie in the landing folder. */
function find(landing: string, feed: Feed, names: ReadonlySet<string>, io: CommandIo): ListedFile[] {
  const passOver = (name: string): boolean => !names.has(name);
  return orderBatch(feed, listLanding({ folder: landing, feed, wall: io.now().getTime(), passOver }).files);
}

const STILL_WRITTEN = 'it is still being written; the next run reads it again';

/** Those that stand still for the settle time (P1). */
async function settle(files: readonly ListedFile[], settings: Settings, io: CommandIo): Promise<readonly ListedFile[]> {
  try {
    await sleep(settings.settleMs, undefined, { signal: io.stop });
  } catch {
    // Stopped: the first file says so.
  }
  return files.filter((file) => {
    const now = lstat(file.path);
    return now !== null && isStill(now, file.stat);
  });
}

async function readAgain(
  supervised: Supervised,
  store: Store,
  feed: Feed,
  files: readonly ListedFile[],
): Promise<number> {
  const { settings, io, logger, ready, tell } = supervised;
  ready();
  const ledger = storeLedger(store, io.now);
  const onProgress = (file: IngestProgress): void => {
    tell({ ...STARTING, doing: 'ingesting', file });
  };
  let exitCode = 0;
  const settled = await settle(files, settings, io);
  for (const { name } of files.filter((file) => !settled.includes(file))) {
    logger.warn({ file: name }, STILL_WRITTEN);
    exitCode = EXIT_FAILED;
  }
  for (const file of settled) {
    const outcome = await ledger.ingest(file, { afresh: true, stop: io.stop, onProgress });
    reportFile(logger, feed, file, outcome);
    if (outcome.kind === 'given_up') return EXIT_FAILED;
    if (outcome.kind === 'moved') {
      logger.warn({ file: file.name }, STILL_WRITTEN);
      exitCode = EXIT_FAILED;
    }
    if (isRefused(outcome) && exitCode === 0) exitCode = EXIT_REFUSED;
  }
  return exitCode;
}
