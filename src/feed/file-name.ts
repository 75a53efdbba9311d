import path from 'node:path';
import { editDistance } from './edit-distance.ts';
import { isDay } from '../columns/calendar.ts';
import { headerKey } from './header.ts';
import type { Dataset, Feed, FileName, NameProblem, Naming } from '../model/feed.ts';
import { readPatternName } from './pattern-name.ts';
import { wholeName } from './under-way.ts';

/** C0, DEL and C1 controls, line separators, and what a name that is not UTF-8 is read as. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const NOT_PRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/;

/** One letter in so many of the prefix may be wrong for a name to be taken as meant for the feed. */
const LETTERS_PER_MISTAKE = 8;

/** `A, B or C`: British English has no comma before the last. */
const DISJUNCTION = new Intl.ListFormat('en-GB', { type: 'disjunction' });

interface Problem {
  readonly code: NameProblem;
  readonly reason: string;
}

/** A feed whose files are called by prefix and extension. */
type PrefixFeed = Pick<Feed, 'datasets' | 'compressed'> & Extract<Naming, { readonly kind: 'prefix' }>;

/** What delivers compressed files puts behind their names. */
const GZ = '.gz';

/**
 * Reads what a file's name says, by the form that its feed gives names.
 * @param name the path below the landing folder
 */
export function readFileName(feed: Feed, name: string): FileName {
  const { naming, datasets, compressed } = feed;
  return naming.kind === 'pattern'
    ? readPatternName(naming.pattern, datasets, name)
    : readPrefixName({ ...naming, datasets, compressed }, name);
}

/** How many parts the paths of a feed's files have below the landing folder: 1 where there are no folders. */
export function nameDepth({ naming }: Feed): number {
  return naming.kind === 'pattern' ? naming.pattern.depth : 1;
}

/** Whether the names of a feed's files say when they were made. */
export function hasStamps({ naming }: Feed): boolean {
  return naming.kind === 'prefix' || naming.pattern.stampFormat !== null;
}

/** What a file at a path would be called in the ledger: the last parts of the path, as many as names of the feed have. */
export function nameAt(feed: Feed, file: string): string {
  return path.resolve(file).split(path.sep).slice(-nameDepth(feed)).join('/');
}

/**
 * Reads what a file's name says: `<prefix><dataset>_[YYYYMMDD_hhmmss]<extension>`, UTC, with or without the brackets.
 *
 * A name comes near, and is reported when it cannot be taken, if it holds the prefix (in any case, at any place), or if
 * it begins with the prefix spelt with other punctuation or one wrong letter in eight and goes on with the name of a
 * dataset or eight digits, or if it begins with a dataset's name and a stamp, behind a part of the prefix or nothing of it.
 * Any other name is foreign.
 *
 * @param name the name without its folder
 */
function readPrefixName(feed: PrefixFeed, name: string): FileName {
  const whole = wholeName(name);
  if (whole !== name) return comesNear(feed, whole) ? { kind: 'partial' } : { kind: 'foreign' };

  const problems: Problem[] = [];
  const body = stripAround(feed, name, problems);
  if (body === null) return comesNear(feed, name) ? nearMiss(nameProblem(feed, name)) : { kind: 'foreign' };
  if (NOT_PRINTABLE.test(name)) return nearMiss(nameProblem(feed, name));

  const datasetName = /^[^_[\]]*/.exec(body)?.[0] ?? '';
  const dataset = readDataset(feed, datasetName, problems);
  const stamp = readStamp(body.slice(datasetName.length), problems);
  // What is wrong beside capital letters says more.
  const worst = problems.find((problem) => problem.code !== 'bad_case') ?? problems[0];
  if (worst !== undefined)
    return nearMiss({ code: worst.code, reason: problems.map((problem) => problem.reason).join('; ') });
  if (dataset === null || stamp === null) return nearMiss(nameProblem(feed, name));
  return { kind: 'taken', dataset, ...stamp };
}

function nearMiss(problem: Problem): FileName {
  return { kind: 'near_miss', ...problem };
}

/** What stands between prefix and extension, or null where the name does not begin with the prefix. */
function stripAround(feed: PrefixFeed, name: string, problems: Problem[]): string | null {
  const { prefix, extension } = feed;
  if (!startsAs(name, prefix)) return null;
  if (!name.startsWith(prefix))
    problems.push({ code: 'bad_case', reason: `the name begins with ${prefix} in other capital letters` });

  const plain = feed.compressed && name.endsWith(GZ) ? name.slice(0, -GZ.length) : name;
  const body = plain.slice(prefix.length);
  if (body.endsWith(extension)) return body.slice(0, -extension.length);
  if (body.toLowerCase().endsWith(extension.toLowerCase())) {
    problems.push({ code: 'bad_case', reason: `the extension is ${extension} in other capital letters` });
    return body.slice(0, -extension.length);
  }
  problems.push({ code: 'bad_extension', reason: `the name does not end with ${extension}` });
  return body.replace(/\..*$/s, '');
}

function readDataset(feed: PrefixFeed, written: string, problems: Problem[]): Dataset | null {
  const exact = feed.datasets.find((dataset) => dataset.name === written);
  if (exact !== undefined) return exact;
  const folded = feed.datasets.find((dataset) => dataset.name.toLowerCase() === written.toLowerCase());
  if (folded !== undefined) {
    problems.push({ code: 'bad_case', reason: `wrong capitals: expected ${folded.name}` });
    return null;
  }
  const known = DISJUNCTION.format(feed.datasets.map((dataset) => dataset.name));
  problems.push({ code: 'bad_dataset', reason: `${feed.prefix} must be followed by ${known}; rename the file` });
  return null;
}

/**
 * @param text what follows the dataset's name: `_[YYYYMMDD_hhmmss]`
 */
function readStamp(text: string, problems: Problem[]): { stamp: string; warning: string | null } | null {
  if (text === '' || text === '_') return refuse(problems, 'bad_stamp', 'the name has no time stamp');
  if (!text.startsWith('_')) return refuse(problems, 'bad_stamp', 'an underscore must stand before the time stamp');
  const [, open = '', inner = '', close = '', rest = ''] = /^_(\[?)([^[\]]*)(\]?)(.*)$/s.exec(text) ?? [];
  if (open.length !== close.length || /[[\]]/.test(rest) || /^[({]/.test(inner)) {
    return refuse(problems, 'bad_brackets', 'the time stamp must stand between [ and ], or without brackets');
  }
  if (rest !== '') return refuse(problems, 'bad_name', 'something stands between the time stamp and the extension');

  const digits = /^(\d{4})(\d{2})(\d{2})(?:_(\d{2})(\d{2})?(\d{2})?)?$/.exec(inner);
  if (digits === null) return refuse(problems, 'bad_stamp', 'the time stamp is not of the form YYYYMMDD_hhmmss');
  const [, year = '', month = '', day = '', hour, minute, second] = digits;
  if (!isDay(Number(year), Number(month), Number(day)))
    return refuse(problems, 'bad_stamp', 'the day of the time stamp does not exist');
  if (Number(hour ?? 0) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 59) {
    return refuse(problems, 'bad_stamp', 'the time of the time stamp does not exist');
  }
  return {
    stamp: `${year}-${month}-${day}T${hour ?? '00'}:${minute ?? '00'}:${second ?? '00'}Z`,
    warning: second === undefined ? 'the time stamp is cut short: what is missing is taken as zeros' : null,
  };
}

function refuse(problems: Problem[], code: NameProblem, reason: string): null {
  problems.push({ code, reason });
  return null;
}

function startsAs(name: string, prefix: string): boolean {
  return name.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase();
}

function comesNear(feed: PrefixFeed, name: string): boolean {
  if (name.toLowerCase().includes(feed.prefix.toLowerCase())) return true;
  const letters = headerKey(name);
  const datasets = feed.datasets.map((dataset) => headerKey(dataset.name));
  const goesOn = (rest: string): boolean => /^\d{8}/.test(rest) || datasets.some((dataset) => rest.startsWith(dataset));
  const isStamped = (rest: string): boolean =>
    datasets.some((dataset) => rest.startsWith(dataset) && /^\d{8}/.test(rest.slice(dataset.length)));
  const parts = ['', ...feed.prefix.split(/[^\p{L}\p{N}]+/u).map(headerKey)];
  if (parts.some((part) => letters.startsWith(part) && isStamped(letters.slice(part.length)))) return true;

  const prefix = headerKey(feed.prefix);
  const mistakes = Math.floor(prefix.length / LETTERS_PER_MISTAKE);
  for (let length = prefix.length - mistakes; length <= prefix.length + mistakes; length++) {
    if (goesOn(letters.slice(length)) && editDistance(letters.slice(0, length), prefix) <= mistakes) return true;
  }
  return false;
}

/** What is wrong with a name that comes near without beginning with the prefix, or that cannot be printed. */
function nameProblem(feed: PrefixFeed, name: string): Problem {
  const reason = NOT_PRINTABLE.test(name)
    ? 'the name holds a control character, a line break, bytes that are not UTF-8 or U+FFFD, which stands for such'
    : `the name does not begin with ${feed.prefix}`;
  return { code: 'bad_name', reason };
}
