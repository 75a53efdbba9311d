/** What the name of a copy says. */
export interface CopyName {
  /** The file's name in the ledger: its path below the landing folder. */
  readonly name: string;
  /** When the content was taken: ISO 8601, UTC, with milliseconds. */
  readonly takenAt: string;
  /** The first 16 hex digits of its SHA-256. */
  readonly digest: string;
}

const DIGEST_LETTERS = 16;

const COPY = /^\d{4}\/\d{2}\/(?<name>.+)\.(?<date>\d{8})T(?<time>\d{6})\.(?<ms>\d{3})Z\.(?<digest>[0-9a-f]{16})\.zst$/s;

/**
 * The path of a copy below the archive: `YYYY/MM/<name>.<taken-at>.<first 16 of its SHA-256>.zst`. Year and month are those of
 * `taken-at`, which has no colons, since some file systems take none: `20261121T060000.123Z`. A folder in the name stays one.
 * @param takenAt ISO 8601, UTC, with milliseconds
 * @param sha256 hex
 * @throws RangeError for a name that would lead out of its folder, or a time beyond the year 9999
 */
export function copyPath(name: string, takenAt: string, sha256: string): string {
  return `${inFolder(name, takenAt)}.${compact(takenAt)}.${sha256.slice(0, DIGEST_LETTERS)}.zst`;
}

/** The path of a copy that is not committed yet: hidden, in the folder of the copy that it is to become. Throws as `copyPath`. */
export function draftPath(name: string, takenAt: string): string {
  const path = inFolder(name, takenAt);
  const at = path.lastIndexOf('/') + 1;
  return `${path.slice(0, at)}.${path.slice(at)}.${compact(takenAt)}.part`;
}

/** What the path of a copy says; null: it is none. */
export function readCopyPath(path: string): CopyName | null {
  const { name = '', date = '', time = '', ms = '', digest = '' } = COPY.exec(path)?.groups ?? {};
  const at = `${date.replace(/^(....)(..)(..)$/, '$1-$2-$3')}T${time.replace(/^(..)(..)(..)$/, '$1:$2:$3')}.${ms}Z`;
  if (Number.isNaN(Date.parse(at)) || !isPlain(name)) return null;
  // Another spelling of the same time, or another month, is no name that `copyPath` gives.
  return copyPath(name, at, digest) === path ? { name, takenAt: at, digest } : null;
}

function inFolder(name: string, takenAt: string): string {
  if (!isPlain(name) || !/^\d{4}-/.test(takenAt)) throw new RangeError('not a name or a time that can be archived');
  return `${takenAt.slice(0, 4)}/${takenAt.slice(5, 7)}/${name}`;
}

function compact(takenAt: string): string {
  return takenAt.replaceAll(/[-:]/g, '');
}

/** Whether each part of a name stays in its folder. */
function isPlain(name: string): boolean {
  return !name.includes('\0') && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
