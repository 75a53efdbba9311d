import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nameAt, readFileName } from '../feed/file-name.ts';
import { loadFeed } from '../feed/load.ts';
import { isStill, lstat } from '../landing/file-stat.ts';
import { listLanding } from '../landing/list.ts';
import { holdFuture, orderFiles } from '../landing/order.ts';
import { EXIT_FAILED, EXIT_REFUSED } from '../model/exit-codes.ts';
import { bindProtection } from '../ingest/bind-protection.ts';
import { runDueChecks } from '../ingest/judge-checks.ts';
import type { Feed } from '../model/feed.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { isRefused } from '../model/ingest.ts';
import type { Logger } from '../output/log.ts';
import { printable } from '../output/terminal.ts';
import { readFeedKey } from '../protection/feed-key.ts';
import { requestRetries } from '../store/open.ts';
import type { CommandIo } from '../system/io.ts';
import { openDatabase, storePlace } from './database-session.ts';
import { settleArchive } from './intake.ts';
import { openIntake, openTelling } from './intake-session.ts';
import type { Intake } from './intake-state.ts';
import type { Supervised } from './supervisor-link.ts';
import { ingest } from './take-files.ts';

/**
 * What `retry` does in its own process.
 * @returns 0 done or asked for, 3 a file was quarantined or a row rejected, 1 a name is not a file of the landing folder,
 *   or a file cannot be read or is held for its stamp
 * @throws LandfallError, DatabaseFault when the database cannot be opened or written
 */
export async function performRetry(supervised: Supervised, asked: readonly string[]): Promise<number> {
  const { settings, io } = supervised;
  const feed = loadFeed(settings.feed, settings.env);
  const protection = readFeedKey(feed, settings.keyFile);
  const names = new Set(asked.map((name) => nameAt(feed, path.resolve(io.cwd, name))));
  const files = find(settings.landing, feed, names, io);
  const missing = [...names].filter((name) => !files.some((file) => file.name === name));
  for (const name of missing) {
    io.stderr.write(`landfall: retry ${printable(name)}: ${problemOf(feed, name, settings.landing)}\n`);
  }
  // Taken in before its time it would freeze its keys (rule 8), whoever asks.
  const { held } = holdFuture(files, io.now().getTime());
  for (const { name, reason } of held) io.stderr.write(`landfall: ${printable(name)} cannot be read yet: ${reason}\n`);
  if (missing.length + held.length > 0) return EXIT_FAILED;

  const wanted = files.map((file) => file.name);
  const opened = await openDatabase(supervised, feed, 'retry', null);
  if (opened.kind === 'opened') {
    const { store } = opened;
    try {
      // The wish comes first: it outlives a process that is killed.
      await bindProtection(store, feed, protection);
      await runDueChecks(store, io.stop);
      await store.requestRetries(wanted, io.now());
      supervised.send({ kind: 'ready' });
      const telling = openTelling(supervised, feed);
      const how = { hasNews: () => false, tellAgain: false };
      const intake = openIntake(supervised, feed, telling, store, protection, how);
      const exitCode = await readAgain(intake, files, supervised.logger);
      await settleArchive(intake);
      return exitCode;
    } finally {
      await store.close();
    }
  }
  await requestRetries(storePlace(settings, io, feed), wanted, io.now());
  io.stdout.write(`asked the daemon to read again: ${files.map((file) => printable(file.name)).join(', ')}\n`);
  return 0;
}

/** Why a name is none that can be read again. */
function problemOf(feed: Feed, name: string, landing: string): string {
  if (readFileName(feed, name).kind !== 'taken') return `it does not have a name of the feed ${feed.name}`;
  if (lstat(path.join(landing, name))?.size === 0n) return 'it is empty: it is read when it has content';
  return `there is no such file in ${printable(landing)} ("landfall archive get" brings one back that was removed)`;
}

/** The files of these names, as they lie in the landing folder. */
function find(landing: string, feed: Feed, names: ReadonlySet<string>, io: CommandIo): ListedFile[] {
  const passOver = (name: string): boolean => !names.has(name);
  return orderFiles(feed, listLanding({ folder: landing, feed, wall: io.now().getTime(), passOver }).files);
}

const STILL_WRITTEN = 'it is still being written; the next run reads it again';

/** Those that stand still for the settle time (P1). */
async function settle(files: readonly ListedFile[], { settings, stop }: Intake): Promise<readonly ListedFile[]> {
  try {
    await sleep(settings.settleMs, undefined, { signal: stop });
  } catch {
    // Stopped: the first file says so.
  }
  return files.filter((file) => {
    const now = lstat(file.path);
    return now !== null && isStill(now, file.stat);
  });
}

/** @returns the exit code */
async function readAgain(intake: Intake, files: readonly ListedFile[], logger: Logger): Promise<number> {
  let exitCode = 0;
  const settled = await settle(files, intake);
  for (const { name } of files.filter((file) => !settled.includes(file))) {
    logger.warn({ file: name }, STILL_WRITTEN);
    exitCode = EXIT_FAILED;
  }
  intake.work.change({ doing: 'ingesting' });
  for (const file of settled) {
    const outcome = await ingest(intake, file, true);
    if (outcome.kind === 'given_up') return EXIT_FAILED;
    if (outcome.kind === 'changed') {
      logger.warn({ file: file.name }, STILL_WRITTEN);
      exitCode = EXIT_FAILED;
    }
    if (isRefused(outcome) && exitCode === 0) exitCode = EXIT_REFUSED;
  }
  return exitCode;
}
