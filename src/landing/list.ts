import { isUtf8 } from 'node:buffer';
import fs from 'node:fs';
import path from 'node:path';
import { nameDepth, readFileName } from '../feed/file-name.ts';
import type { Feed, FileName } from '../model/feed.ts';
import type { UnreadName } from '../model/ledger.ts';
import { systemCode } from '../system/system-error.ts';
import { fileStat, lstat, type RawStat } from './file-stat.ts';
import { FolderFault } from './folder-fault.ts';
import { walkFolders } from './folders.ts';
import { stampOfChange } from './stamp.ts';
import type { ListedFile } from '../model/listed-file.ts';

/** What lies in the landing folder, as far as it concerns the feed. */
export interface Listing {
  /** Regular files with a name of the feed and with content, save those passed over. */
  readonly files: readonly ListedFile[];
  /** Names that concern the feed but are not read: near misses, folders, links, pipes, stale uploads, old empty files. */
  readonly unread: readonly UnreadName[];
  /** Files that were set aside, to be removed. */
  readonly setAside: readonly SetAside[];
  /** Names of the feed of which the system does not say what they are, with its code, e.g. `EIO`. */
  readonly unseen: readonly { readonly name: string; readonly code: string }[];
  /** How many empty files and uploads under way there are that are not old enough to be reported. */
  readonly coming: number;
  /** The folders in the landing folder that were looked into, as paths below it. */
  readonly folders: readonly string[];
}

/** A file with a name of its own: `.NAME.TAKEN-AT.removing`; an older version called those that it moved `.NAME.FILE_ID.moving`. */
export interface SetAside {
  /** As it is called now. */
  readonly file: string;
  /** The name of the feed that it had. */
  readonly name: string;
  /** When its content was taken: ISO 8601, UTC; null: its name does not say. */
  readonly takenAt: string | null;
}

export interface ListOptions {
  readonly folder: string;
  readonly feed: Feed;
  /** The wall clock, in ms. */
  readonly wall: number;
  /** Whether the loop knows all about this file as it stands. Asked for every regular file, so it must be quick. */
  readonly passOver: (name: string, stat: RawStat) => boolean;
}

/** How long an unfinished upload or an empty file lies before it is reported, in ms. */
const STALE_MS = 3_600_000;

const SET_ASIDE = /^\.(?<name>.+)\.(?:(?<at>\d{8}T\d{6}\.\d{3}Z)\.removing|\d+\.moving(?:-\d+)?)$/s;

/**
 * Lists the landing folder. Nothing is opened and no link is followed, so that a pipe or a device under a name of the
 * feed cannot block. Synchronous on purpose: 100,000 names take a quarter of the time that promises would.
 * @throws FolderFault when the folder itself, or nothing in it, can be read
 */
export function listLanding(options: ListOptions): Listing {
  try {
    return list(options);
  } catch (error) {
    const code = systemCode(error);
    throw code === null ? error : new FolderFault(options.folder, code, error);
  }
}

function list(options: ListOptions): Listing {
  const { folder, feed, wall, passOver } = options;
  const files: ListedFile[] = [];
  const unread: UnreadName[] = [];
  let coming = 0;
  const setAside: SetAside[] = [];
  const unseen: { name: string; code: string }[] = [];
  let anySeen = false;
  let firstFault: FolderFault | null = null;
  const prefix = folder + path.sep;
  const folders: string[] = [];
  const damaged = new Set<string>();

  function leave(name: string, meaning: FileName, stat: fs.BigIntStats): void {
    const found = unreadName(name, meaning, stat, wall);
    if (found !== null) unread.push(found);
    else if (meaning.kind === 'taken' || (meaning.kind === 'partial' && stat.isFile())) coming += 1;
  }

  for (const entry of walkFolders(folder, nameDepth(feed))) {
    if (entry.kind === 'folder') {
      if (entry.folder !== '') folders.push(entry.folder);
      continue;
    }
    const { name } = entry;
    if (entry.kind === 'closed') {
      unseen.push({ name, code: entry.code });
      continue;
    }
    // U+FFFD may stand for bytes that are not UTF-8: no path then leads from this name to the file.
    if (name.includes('\uFFFD')) {
      damaged.add(name.slice(0, Math.max(0, name.lastIndexOf('/'))));
      continue;
    }
    const aside = readSetAside(feed, name);
    if (aside !== null) {
      setAside.push(aside);
      continue;
    }
    let stat: fs.BigIntStats | null;
    try {
      stat = lstat(prefix + name);
    } catch (error) {
      // A mount that is dead, a block that cannot be read: the fault of this name, not of the folder (P7).
      const code = systemCode(error);
      if (code === null) throw error;
      firstFault ??= new FolderFault(folder, code, error);
      if (readFileName(feed, name).kind === 'taken') unseen.push({ name, code });
      continue;
    }
    anySeen = true;
    // It has gone since the folder was read.
    if (stat === null) continue;
    // Before the name is read, since most files of a full folder are long known.
    if (stat.isFile() && passOver(name, stat)) continue;
    const meaning = readFileName(feed, name);
    if (meaning.kind === 'taken' && stat.isFile() && stat.size > 0n) {
      const { dataset, stamp } = meaning;
      files.push({ name, path: prefix + name, dataset, stamp: stamp ?? stampOfChange(stat), stat: fileStat(stat) });
    } else {
      leave(name, meaning, stat);
    }
  }
  if (!anySeen && firstFault !== null) throw firstFault;
  for (const within of damaged)
    for (const { name, meaning, stat } of damagedNames(folder, within, feed)) leave(name, meaning, stat);
  return { files, unread, setAside, unseen, coming, folders };
}

/** Null for any name under which no file of this feed is set aside, however like it looks. */
function readSetAside(feed: Feed, file: string): SetAside | null {
  const at = file.lastIndexOf('/') + 1;
  if (file[at] !== '.') return null;
  const said = SET_ASIDE.exec(file.slice(at))?.groups;
  if (said?.['name'] === undefined) return null;
  const name = file.slice(0, at) + said['name'];
  const takenAt = said['at']?.replace(/^(....)(..)(..T..)(..)/, '$1-$2-$3:$4:') ?? null;
  return readFileName(feed, name).kind === 'taken' ? { file, name, takenAt } : null;
}

function isStale(stat: RawStat, wall: number): boolean {
  // ctime, since a sender may set mtime to what it was at home.
  return stat.ctimeNs < BigInt(Math.floor(wall - STALE_MS)) * 1_000_000n;
}

/** What there is to report of a name that is not read: not a file, empty, a near miss, a stale upload; null: nothing. */
function unreadName(name: string, meaning: FileName, stat: fs.BigIntStats, wall: number): UnreadName | null {
  const nothingKnown = { name, state: 'unrecognised', dataset: null, stamp: null, stat: fileStat(stat) } as const;
  switch (meaning.kind) {
    case 'taken': {
      const { dataset, stamp } = meaning;
      const known = { ...nothingKnown, state: 'quarantined', dataset: dataset.name, stamp } as const;
      if (!stat.isFile()) return { ...known, code: 'not_a_file', reason: `it is ${kindOf(stat)}, not a file` };
      if (!isStale(stat, wall)) return null;
      return { ...known, code: 'empty', reason: 'the file has had no bytes for more than an hour' };
    }
    case 'near_miss':
      // A folder beside the uploads may be called as it likes.
      if (stat.isDirectory()) return null;
      return { ...nothingKnown, code: meaning.code, reason: meaning.reason };
    case 'partial':
      if (!stat.isFile() || !isStale(stat, wall)) return null;
      return { ...nothingKnown, code: 'partial_upload', reason: 'the upload has not gone on for more than an hour' };
    case 'foreign':
      return null;
  }
}

/** What stands under a name that is no regular file, in words. */
export function kindOf(stat: fs.BigIntStats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isFIFO()) return 'a pipe';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}

/**
 * What lies under names that come near to the feed's and have U+FFFD in them, or bytes that are not UTF-8: each of these is written as
 * `\xNN`, and counts as one wrong letter.
 */
function* damagedNames(
  landing: string,
  within: string,
  feed: Feed,
): Generator<{ name: string; meaning: FileName; stat: fs.BigIntStats }> {
  const before = within === '' ? '' : `${within}/`;
  const folder = landing + path.sep + before;
  for (const bytes of fs.readdirSync(folder, { encoding: 'buffer' })) {
    const text = before + bytes.toString('utf8');
    if (!text.includes('\uFFFD')) continue;
    const meaning = readFileName(feed, text);
    if (meaning.kind === 'foreign') continue;
    const stat = lstatOrNull(Buffer.concat([Buffer.from(folder), bytes]));
    if (stat !== null) yield { name: isUtf8(bytes) ? text : before + [...bytes].map(spellByte).join(''), meaning, stat };
  }
}

/** Null also where the system does not say what lies there: a name that is not taken is then reported another time. */
function lstatOrNull(file: Buffer): fs.BigIntStats | null {
  try {
    return lstat(file);
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return null;
  }
}

function spellByte(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
}
