import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { ArchiveFault, isInArchive } from '../archive/archive.ts';
import { compareArchive, type ArchiveDifference } from '../archive/compare.ts';
import { listCopies, type StoredCopy } from '../archive/list-copies.ts';
import { copyPath, readCopyPath } from '../archive/name.ts';
import { prune } from '../archive/prune.ts';
import { damageOf, extractCopy, hashCopy } from '../archive/read-copy.ts';
import { resealCopy } from '../archive/reseal.ts';
import { readFileName } from '../feed/file-name.ts';
import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_REFUSED } from '../model/exit-codes.ts';
import { counted } from '../output/counted.ts';
import { toJson } from '../output/json.ts';
import { layOut } from '../output/table.ts';
import { printable } from '../output/terminal.ts';
import { readFeedKey } from '../protection/feed-key.ts';
import { readKeyFile } from '../protection/key-file.ts';
import type { Settings } from '../settings/settings.ts';
import { databaseIsThere, openReader } from '../store/open.ts';
import type { Search } from '../store/reader.ts';
import type { CommandIo } from '../system/io.ts';
import { systemCode } from '../system/system-error.ts';

/** What `archive` takes. */
export interface ArchiveOptions {
  readonly settings: Settings;
  readonly action: 'list' | 'get' | 'verify' | 'prune' | 'seal';
  /** `list`: a part of the name; `get`: the name of the file. */
  readonly name: string | null;
  /** Of the ledger; null: the copy that was taken last. */
  readonly revision: number | null;
  /** Where `get` writes to; null: into the working folder. */
  readonly out: string | null;
  /** The key file that `seal` opens copies with that are sealed under another key; null: there are none. */
  readonly oldKey: string | null;
  readonly json: boolean;
}

/**
 * Lists copies, gives the content of one back, holds all of them against their names and the ledger, removes those that are older than
 * `--archive-for`, or seals them.
 * @returns 0; 3 when `verify` has found something, or `seal` a copy that it cannot open
 * @throws LandfallError when there is no archive, no such copy, or nothing says how long copies are kept
 */
export async function archive(options: ArchiveOptions, io: CommandIo): Promise<number> {
  const folder = options.settings.archive;
  if (folder === null) throw new LandfallError('archive', '--archive is none', { hint: 'name it with --archive DIR' });
  switch (options.action) {
    case 'list':
      list(listCopies(folder), options, io);
      return 0;
    case 'get':
      await get(folder, options, io);
      return 0;
    case 'verify':
      return await verify(folder, options, io);
    case 'prune':
      await removeOld(folder, options, io);
      return 0;
    case 'seal':
      return await seal(folder, options, io);
  }
}

function list(copies: readonly StoredCopy[], { name, json }: ArchiveOptions, { stdout }: CommandIo): void {
  const found = copies.filter((copy) => name === null || copy.name.includes(name));
  const shown = found.map((copy) => ({
    name: copy.name,
    taken_at: copy.takenAt,
    bytes: statSync(path.join(copy.archive, copy.path), { throwIfNoEntry: false })?.size ?? 0,
    path: copy.path,
  }));
  if (json) stdout.write(`${toJson(shown, '  ')}\n`);
  else
    stdout.write(
      layOut(
        stdout,
        ['taken (UTC)', { header: 'name', above: true }, 'bytes kept'],
        shown.map((copy) => [copy.taken_at, copy.name, copy.bytes]),
      ),
    );
}

async function get(folder: string, options: ArchiveOptions, io: CommandIo): Promise<void> {
  const { name, revision, settings } = options;
  if (name === null) throw new LandfallError('archive get', 'it needs the name of a file');
  const found = revision === null ? newest(folder, name) : await ofRevision(settings, name, revision);
  const said = found === null ? null : readCopyPath(found);
  if (found === null || said === null || !isInArchive({ folder }, found))
    throw new LandfallError(
      'archive get',
      `there is no copy of ${printable(name)}${revision === null ? '' : ` revision ${revision}`}`,
      {
        file: folder,
        hint: 'landfall archive list shows what there is',
      },
    );
  const to = path.resolve(io.cwd, options.out ?? path.basename(name));
  try {
    const sha256 = await extractCopy({ archive: folder, path: found }, archiveKey(settings), to);
    if (sha256 === null || copyPath(name, said.takenAt, sha256) !== found)
      throw new LandfallError('archive get', `the copy is ${await damageOf({ archive: folder, path: found })}`, {
        file: found,
      });
  } catch (error) {
    const code = systemCode(error);
    // What is there of it is not the content.
    if (code !== 'EEXIST') rmSync(to, { force: true });
    if (code === null) throw error;
    const problem = code === 'EEXIST' ? 'it is there already' : `it cannot be written (${code})`;
    throw new LandfallError('archive get', problem, { file: to, hint: 'name another file with --out', cause: error });
  }
  io.stdout.write(`${printable(to)}\n`);
}

/** What sealed copies open with, where it is at hand. */
function archiveKey({ keyFile }: Settings): Uint8Array | null {
  return keyFile === null ? null : readKeyFile(keyFile).archive;
}

function newest(folder: string, name: string): string | null {
  return listCopies(folder).findLast((copy) => copy.name === name)?.path ?? null;
}

const ALL: Search = { states: [], codes: [], name: null, since: null, limit: null };

async function ofRevision(settings: Settings, name: string, revision: number): Promise<string | null> {
  const reader = await openReader(settings.db, loadFeed(settings.feed, settings.env));
  try {
    for await (const file of reader.files({ ...ALL, name }))
      if (file.name === name && file.revision === revision) return file.archived_to;
    return null;
  } finally {
    await reader.close();
  }
}

async function verify(folder: string, { settings, json }: ArchiveOptions, { stdout }: CommandIo): Promise<number> {
  const damaged: string[] = [];
  const copies = listCopies(folder);
  const key = archiveKey(settings);
  for (const copy of copies) {
    const found = await problemOf(copy, key);
    if (found !== null) damaged.push(`${copy.path} ${found}`);
  }
  const findings = [
    ...damaged,
    ...((await databaseIsThere(settings.db)) ? findingsOf(await difference(settings)) : []),
  ];
  if (json) stdout.write(`${toJson({ copies: copies.length, findings }, '  ')}\n`);
  else {
    for (const finding of findings) stdout.write(`FAILED  ${printable(finding)}\n`);
    stdout.write(
      `${copies.length} copies, ${findings.length === 0 ? 'all ok' : counted(findings.length, 'finding')}\n`,
    );
  }
  return findings.length === 0 ? 0 : EXIT_REFUSED;
}

/** What is wrong with a copy by itself; null: nothing, or it is gone since, of which the ledger says whether it may. */
async function problemOf(copy: StoredCopy, key: Uint8Array | null): Promise<string | null> {
  try {
    return (await hashCopy(copy, key))?.startsWith(copy.digest) === true ? null : `is ${await damageOf(copy)}`;
  } catch (error) {
    if (!(error instanceof ArchiveFault)) throw error;
    return error.code === 'ENOENT' ? null : `cannot be read (${error.code})`;
  }
}

/** How the archive of the settings and the ledger differ; none: it is neither here nor there. */
export async function difference(settings: Settings): Promise<ArchiveDifference> {
  const { archive: folder } = settings;
  if (folder === null) return { unknown: [], gone: [] };
  const feed = loadFeed(settings.feed, settings.env);
  const reader = await openReader(settings.db, feed);
  try {
    return await compareArchive(folder, feed, () => reader.files(ALL));
  } finally {
    await reader.close();
  }
}

const MOST_FINDINGS = 100;

/** One sentence for each difference; at most a hundred of a kind. */
export function findingsOf({ unknown, gone }: ArchiveDifference): readonly string[] {
  return [
    ...unknown
      .slice(0, MOST_FINDINGS)
      .map((copy) => `${copy.path} is archived, and the database does not know it: "landfall refill" reads it`),
    ...gone.slice(0, MOST_FINDINGS).map((copy) => `${copy} is in the ledger, and gone from the archive`),
  ];
}

/** Seals the feed's copies that are in the clear, or under an old key, under the key at hand. */
async function seal(folder: string, { settings, oldKey }: ArchiveOptions, io: CommandIo): Promise<number> {
  const feed = loadFeed(settings.feed, settings.env);
  const key = readFeedKey(feed, settings.keyFile);
  if (key === null)
    throw new LandfallError('archive seal', `the feed ${feed.name} protects nothing`, {
      hint: 'name the environment that does so with --env',
    });
  const from = oldKey === null ? null : readKeyFile(path.resolve(io.cwd, oldKey)).archive;
  const found = { sealed: 0, same: 0, damaged: 0 };
  for (const copy of listCopies(folder)) {
    // Other feeds may share the folder.
    if (readFileName(feed, copy.name).kind !== 'taken') continue;
    const outcome = await resealCopy(copy, from, key.archive);
    found[outcome] += 1;
    if (outcome === 'damaged')
      io.stderr.write(`${printable(copy.path)}: left as it is: damaged, or sealed under a key that is not at hand\n`);
  }
  io.stdout.write(`${found.sealed} copies sealed, ${found.same} were already, ${found.damaged} cannot be opened\n`);
  return found.damaged === 0 ? 0 : EXIT_REFUSED;
}

async function removeOld(folder: string, { settings }: ArchiveOptions, io: CommandIo): Promise<void> {
  const { archiveForMs } = settings;
  if (archiveForMs === null)
    throw new LandfallError('archive prune', '--archive-for is ever', {
      hint: 'say how long, e.g. --archive-for 400d',
    });
  const before = new Date(io.now().getTime() - archiveForMs).toISOString();
  const feed = loadFeed(settings.feed, settings.env);
  // Other feeds may share the folder.
  const ours = listCopies(folder).filter(({ name }) => readFileName(feed, name).kind === 'taken');
  // What the database lacks is nowhere else.
  const unknown = new Set((await difference(settings)).unknown.map((copy) => copy.path));
  const kept = ours.filter((copy) => copy.takenAt < before && unknown.has(copy.path)).length;
  const spare = ours.filter((copy) => !unknown.has(copy.path));
  io.stdout.write(`${prune(folder, spare, before)} copies from before ${before} removed\n`);
  if (kept > 0) io.stdout.write(`${kept} kept that the database does not know: "landfall refill" reads them\n`);
}
