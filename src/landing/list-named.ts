import fs from 'node:fs';
import { LandfallError } from '../model/errors.ts';
import { nameAt, readFileName } from '../feed/file-name.ts';
import type { Feed } from '../model/feed.ts';
import { systemCode } from '../system/system-error.ts';
import { fileStat, lstat } from './file-stat.ts';
import { kindOf } from './list.ts';
import { stampOfChange } from './stamp.ts';
import { orderFiles } from './order.ts';
import type { ListedFile } from '../model/listed-file.ts';

/** Files that were named, and what is wrong with those that the daemon would not take. */
export interface NamedFiles {
  readonly files: readonly ListedFile[];
  readonly problems: readonly LandfallError[];
}

/** The files named, as they would be listed in the landing folder, in the order they would be taken. */
export function listNamed(feed: Feed, paths: readonly string[]): NamedFiles {
  const files: ListedFile[] = [];
  const problems: LandfallError[] = [];
  for (const file of paths) {
    const listed = listOne(feed, file);
    if (listed instanceof LandfallError) problems.push(listed);
    else files.push(listed);
  }
  return { files: orderFiles(feed, files), problems };
}

function listOne(feed: Feed, file: string): ListedFile | LandfallError {
  const stat = look(file);
  if (stat instanceof LandfallError) return stat;
  const name = nameAt(feed, file);
  const found = readFileName(feed, name);
  if (found.kind !== 'taken') {
    const problem = found.kind === 'near_miss' ? found.reason : `it does not have a name of the feed ${feed.name}`;
    return new LandfallError('check', problem, {
      file,
      hint: 'the daemon would leave it where it lies; "landfall preview" reads any file',
    });
  }
  if (!stat.isFile()) {
    return new LandfallError('check', `it is ${kindOf(stat)}, not a file`, { file, hint: 'the daemon never opens it' });
  }
  const real = pathOf(file);
  if (real instanceof LandfallError) return real;
  const { dataset, stamp } = found;
  return { name, path: real, dataset, stamp: stamp ?? stampOfChange(stat), stat: fileStat(stat) };
}

/** What lies at a path, links not followed. */
function look(file: string): fs.BigIntStats | LandfallError {
  try {
    return lstat(file) ?? new LandfallError('check', 'it does not exist', { file });
  } catch (cause) {
    return unreadable(file, cause);
  }
}

/** The path without links of a file that may be read. */
function pathOf(file: string): string | LandfallError {
  try {
    fs.accessSync(file, fs.constants.R_OK);
    return fs.realpathSync(file);
  } catch (cause) {
    return unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): LandfallError {
  return new LandfallError('check', `it cannot be read (${systemCode(cause) ?? 'unknown'})`, { file, cause });
}
