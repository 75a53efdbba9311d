import path from 'node:path';
import { asideName, giveBack, isSameFile, remove, setAside } from '../archive/removal.ts';
import { LandfallError } from '../model/errors.ts';
import type { SetAside } from '../landing/list.ts';
import { fileStat, lstat, sameStat } from '../landing/file-stat.ts';
import type { Clock } from '../landing/settle.ts';
import { stampOfChange } from '../landing/stamp.ts';
import { readFileName } from '../feed/file-name.ts';
import type { Archive } from '../model/archive.ts';
import type { FileStat, LedgerEntry } from '../model/ledger.ts';
import { DatabaseFault } from '../store/database-fault.ts';
import type { Store } from '../store/store.ts';
import { systemCode } from '../system/system-error.ts';
import { retryAgain, sooner, waitMs, type BackOff } from './back-off.ts';
import type { Intake } from './intake-state.ts';
import type { Remover } from './removal-state.ts';
import type { SeenFile } from './seen-files.ts';
import { ingest } from './take-files.ts';

/** How many files are looked at before the loop looks at the folder again: each is read whole. */
const FILES_A_STEP = 20;

/** A writer that still has a file open may go on after it was set aside: it is looked at again after so long, in ms. */
const LOOK_AGAIN_MS = 3_600_000;

/** How often that is asked, in ms. */
const LOOK_EVERY_MS = 60_000;

const BACK_OFF: BackOff = { firstMs: 1_000, capMs: 3_600_000 };

/**
 * Gives what is set aside its name back, since nothing is to be removed any more. What is older than a revision that was read stays: read
 * again it would be the newest (P4), and it is in the archive.
 */
export async function giveAllBack(intake: Intake, asides: readonly SetAside[]): Promise<void> {
  const { settings, store, faults } = intake;
  for (const aside of asides) {
    const { file, name } = aside;
    try {
      if (await isNewest(store, aside)) giveBack(path.join(settings.landing, file), path.join(settings.landing, name));
      faults.end('file', file);
    } catch (error) {
      const code = systemCode(error);
      if (code === null) throw error;
      faults.begin({ kind: 'file', file, problem: `it was set aside, and cannot have its name back (${code})` });
    }
  }
}

/** Whether no content of its name was read that was taken later. */
async function isNewest(store: Store, { name, takenAt }: SetAside): Promise<boolean> {
  return takenAt === null || ((await store.latestRevision(name))?.takenAt ?? '') <= takenAt;
}

/** What one step works with. */
export interface RemovalStep {
  readonly archive: Archive;
  /** Every ingested file that lies in the landing folder as it was read. */
  readonly ingested: readonly SeenFile[];
  readonly setAside: readonly SetAside[];
  readonly clock: Clock;
}

/**
 * One step: sets aside what has been still for long enough, removes what was set aside an hour ago, and reads what was written to meanwhile.
 * @returns when there is more to do, in ms from now; null: when a file comes
 * @throws DatabaseFault
 */
export async function removeSome(intake: Intake, remover: Remover, step: RemovalStep): Promise<number | null> {
  const { clock } = step;
  const { settled, nextLookMs } = remover.settler.look(step.ingested, clock);
  const isDue = (name: string): boolean => waitMs(remover.failures.get(name), clock.monotonic) === 0;
  const due = settled.filter(({ name }) => isDue(name));
  for (const { name } of due.slice(0, FILES_A_STEP))
    await attempt(intake, remover, name, clock, () => setOneAside(intake, step.archive, name));
  const there = new Set(step.setAside.map(({ file }) => file));
  for (const file of remover.asides.keys()) if (!there.has(file)) remover.asides.delete(file);
  const asides = step.setAside.filter(({ file }) => isDue(file));
  for (const aside of asides.slice(0, FILES_A_STEP))
    await attempt(intake, remover, aside.file, clock, () => lookAgain(intake, remover, step, aside));
  forgetGone(intake, remover, [...step.ingested.map(({ name }) => name), ...step.setAside.map(({ file }) => file)]);
  const more = due.length > FILES_A_STEP || asides.length > FILES_A_STEP ? 0 : null;
  const lookMs = step.setAside.length > 0 || due.length > 0 ? LOOK_EVERY_MS : null;
  const retryMs = [...remover.failures.values()].reduce<number | null>(
    (next, failure) => sooner(next, waitMs(failure, clock.monotonic)),
    null,
  );
  return [nextLookMs, more, lookMs, retryMs].reduce(sooner);
}

async function setOneAside(intake: Intake, archive: Archive, name: string): Promise<void> {
  const entry = await intake.store.latestRevision(name);
  // What is not archived stays: --archive was none, or it is protected.
  if (entry?.state !== 'ingested' || entry.archivedTo === null) return;
  const outcome = await setAside(archive, intake.settings.landing, entry);
  if (outcome === 'no copy') throw noCopy(name);
  // Its size and times may say nothing of it, as on vfat: the next scan is to read it all the same.
  if (outcome === 'changed') intake.known?.seen.delete(name);
  if (outcome === 'done') intake.logger.info({ file: name }, 'set aside, to be removed in an hour');
}

async function lookAgain(intake: Intake, remover: Remover, step: RemovalStep, aside: SetAside): Promise<void> {
  const { landing } = intake.settings;
  const at = path.join(landing, aside.file);
  const now = lstat(at);
  if (now === null) return;
  const stillMs = stillFor(remover, aside.file, fileStat(now), step.clock);
  const entry = await entryOf(intake, aside);
  if (entry === null || !isSameFile(now, entry.stat)) {
    await readAgain(intake, step.archive, aside, stillMs);
    return;
  }
  const ageMs = Math.max(stillMs, step.clock.wall - Number(now.ctimeNs / 1_000_000n));
  if (ageMs < LOOK_AGAIN_MS) return;
  const outcome = await remove(step.archive, at, entry);
  if (outcome === 'no copy') throw noCopy(aside.name);
  if (outcome === 'changed') await readAgain(intake, step.archive, aside, stillMs);
  else intake.logger.info({ file: aside.name, copy: entry.archivedTo }, 'removed: a copy is in the archive');
}

/** For how long a file has been seen as it is, in ms. */
function stillFor({ asides }: Remover, file: string, stat: FileStat, { monotonic }: Clock): number {
  const before = asides.get(file);
  if (before !== undefined && sameStat(before.stat, stat)) return monotonic - before.since;
  asides.set(file, { stat, since: monotonic });
  return 0;
}

/** The revision that was set aside; null: the ledger does not know it, as after a restored backup. */
async function entryOf({ store }: Intake, { name, takenAt }: SetAside): Promise<LedgerEntry | null> {
  if (takenAt === null) return null;
  const entry = await store.latestRevision(name, laterBy(takenAt, 1));
  return entry?.takenAt === takenAt && entry.state !== 'quarantined' ? entry : null;
}

/**
 * Has a file that was written to after it was set aside read: under the name it had, or, where a newer content has come under that, as
 * what it is: a content of before that one, which overwrites nothing of it.
 */
async function readAgain(intake: Intake, archive: Archive, aside: SetAside, stillMs: number): Promise<void> {
  const { store, logger } = intake;
  const { landing, settleMs } = intake.settings;
  const { file, name, takenAt } = aside;
  const at = path.join(landing, file);
  if ((await isNewest(store, aside)) && giveBack(at, path.join(landing, name))) {
    logger.info({ file: name }, 'written to after it was set aside: has its name again, to be read');
    return;
  }
  if (takenAt === null) throw new LandfallError('remove', 'its name is taken by a newer file', { file });
  const stat = lstat(at);
  const meaning = readFileName(intake.feed, name);
  // Whole files only: it is looked at again soon.
  if (stat === null || meaning.kind !== 'taken' || stillMs < settleMs) return;
  const next = laterBy(takenAt, 1);
  const there = await store.latestRevision(name, laterBy(takenAt, 2));
  if (there?.takenAt === next) {
    // It was read, and the process died then; any other content of that instant leaves no room for one before it.
    if (!isSameFile(stat, there.stat))
      throw new LandfallError('remove', 'it cannot be put before a newer file', { file });
  } else {
    const { dataset, stamp } = meaning;
    const listed = { name, path: at, dataset, stamp: stamp ?? stampOfChange(stat), stat: fileStat(stat) };
    const outcome = await ingest(intake, listed, false, { kind: 'copy', archive, behind: takenAt });
    if (outcome.kind === 'quarantined')
      throw new LandfallError('remove', 'it was written to after it was set aside, and is refused', { file });
    if (outcome.kind !== 'ingested') return;
  }
  // It waits for another hour under its own time.
  giveBack(at, path.join(landing, asideName(name, next)));
}

function laterBy(time: string, ms: number): string {
  return new Date(Date.parse(time) + ms).toISOString();
}

function noCopy(name: string): LandfallError {
  return new LandfallError('remove', 'there is no sound copy of it in the archive: it stays', { file: name });
}

/** Does a step for one file; what goes wrong is that file's fault, and is tried again. */
async function attempt(
  intake: Intake,
  { failures }: Remover,
  name: string,
  { monotonic }: Clock,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
    if (failures.delete(name)) intake.faults.end('file', name);
  } catch (error) {
    if (error instanceof DatabaseFault) throw error;
    failures.set(name, retryAgain(failures.get(name), BACK_OFF, monotonic));
    intake.faults.begin({ kind: 'file', file: name, problem: `it cannot be removed: ${causeOf(error)}` });
  }
}

/** A few words without a value from a row (P8). */
function causeOf(error: unknown): string {
  if (error instanceof LandfallError) return error.message;
  return systemCode(error) ?? 'unexpected error';
}

/** A file that failed and is not there any more is nobody's fault now. */
function forgetGone({ faults }: Intake, { failures }: Remover, there: readonly string[]): void {
  const present = new Set(there);
  for (const name of failures.keys()) if (!present.has(name) && failures.delete(name)) faults.end('file', name);
}
