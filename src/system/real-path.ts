import { readlinkSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** So many links are followed on one path, as Linux does (path_resolution(7)): more are a loop. */
const MOST_LINKS = 40;

/**
 * The one name of a file, whatever links lead to it, also where it is not there yet: realpath(3) wants it to be, and so
 * takes a link for the file until its target is made.
 * @param path absolute; `..` is the parent of what the links before it lead to, as the system has it
 * @returns absolute; null: a loop of links
 */
export function realPath(path: string): string | null {
  const left = path.split('/');
  let real = '/';
  let links = 0;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    const next = join(real, part);
    const target = part === '..' ? null : linkTarget(next);
    if (target === null) {
      real = next;
      continue;
    }
    if (++links > MOST_LINKS) return null;
    if (isAbsolute(target)) real = '/';
    left.unshift(...target.split('/'));
  }
  return real;
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    // No link, not there, or not to be seen: then it cannot be opened by this name either.
    return null;
  }
}
