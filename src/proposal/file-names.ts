import { isDay } from '../columns/calendar.ts';

/** How the files of a feed are called, guessed from names. */
export interface NamesGuess {
  /** As `files: pattern:` of a feed says it, e.g. `{dataset}/{dataset}_{stamp:YYYYMMDD}.csv`. */
  readonly pattern: string;
  /** For each dataset its files. */
  readonly datasets: ReadonlyMap<string, readonly string[]>;
}

/** The forms of a stamp, the longer ones first: where a day and a time stand, a day alone is not all. */
const STAMPS: readonly (readonly [RegExp, string])[] = [
  [/(?<!\d)\d{4}-\d{2}-\d{2}([_T-])\d{6}(?!\d)/, 'YYYY-MM-DD$hhmmss'],
  [/(?<!\d)\d{8}([_T-])\d{6}(?!\d)/, 'YYYYMMDD$hhmmss'],
  [/(?<!\d)\d{14}(?!\d)/, 'YYYYMMDDhhmmss'],
  [/(?<!\d)\d{8}([_T-])\d{4}(?!\d)/, 'YYYYMMDD$hhmm'],
  [/(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)/, 'YYYY-MM-DD'],
  [/(?<!\d)\d{4}_\d{2}_\d{2}(?!\d)/, 'YYYY_MM_DD'],
  [/(?<!\d)\d{8}(?!\d)/, 'YYYYMMDD'],
  [/(?<!\d)\d{4}-\d{2}(?!\d)/, 'YYYY-MM'],
  [/(?<!\d)\d{6}(?!\d)/, 'YYYYMM'],
];

/** A number at the end of a name, before the extension: files that belong together are counted. */
const PART = /(?<=[_-])\d+(?=\.[A-Za-z0-9]+$)/;

/**
 * Guesses the pattern of names, and which files are of which dataset.
 * @param paths below the landing folder, with `/`
 * @returns null where they follow no one pattern
 */
export function guessNames(paths: readonly string[]): NamesGuess | null {
  const byShape = Map.groupBy(paths, shapeOf);
  const shapes = [...byShape.keys()];
  const named = shapes.map((shape) => nameDataset(shape, shapes));
  const patterns = new Set(named.map(({ pattern }) => pattern));
  const [pattern] = patterns;
  if (pattern === undefined || patterns.size > 1) return null;
  const datasets = new Map(shapes.map((shape, index) => [named[index]?.dataset ?? '', byShape.get(shape) ?? []]));
  return datasets.size < shapes.length ? null : { pattern, datasets };
}

/** A path with its stamp and its number as placeholders. */
function shapeOf(path: string): string {
  for (const [regex, format] of STAMPS) {
    const found = regex.exec(path);
    if (found === null || !isStamp(found[0])) continue;
    return path.replace(regex, () => `{stamp:${format.replace('$', found[1] ?? '')}}`);
  }
  return path.replace(PART, '{part}');
}

/** Whether digits may be a day of our time, and not a number of eight digits. */
function isStamp(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  const [year, month, day] = [
    Number(digits.slice(0, 4)),
    Number(digits.slice(4, 6)),
    Number(digits.slice(6, 8) || '01'),
  ];
  return year >= 1900 && year < 2100 && isDay(year, month, day);
}

/** The dataset of files of a shape, and the shape with `{dataset}` in its place. */
function nameDataset(shape: string, shapes: readonly string[]): { dataset: string; pattern: string } {
  const slash = shape.lastIndexOf('/');
  if (slash >= 0) {
    // A folder for each dataset; its name may stand in the file's name again.
    const folder = shape.slice(shape.lastIndexOf('/', slash - 1) + 1, slash);
    const before = shape.slice(0, slash - folder.length);
    const base = shape.slice(slash + 1);
    const again = base.startsWith(folder) && !/^[A-Za-z0-9]/.test(base.slice(folder.length));
    return { dataset: folder, pattern: `${before}{dataset}/${again ? `{dataset}${base.slice(folder.length)}` : base}` };
  }
  if (shapes.length === 1) {
    const [, dataset = '', rest = ''] = /^(.*?)((?:[_ .-]*[[(]?\{.*|\.[A-Za-z0-9]+)?)$/.exec(shape) ?? [];
    return { dataset, pattern: `{dataset}${rest}` };
  }
  const prefix = commonPrefix(shapes).replace(/[A-Za-z0-9]+$/, '');
  const reversed = shapes.map((one) => backwards(one.slice(prefix.length)));
  const suffix = backwards(commonPrefix(reversed)).replace(/^[A-Za-z0-9]+/, '');
  return { dataset: shape.slice(prefix.length, shape.length - suffix.length), pattern: `${prefix}{dataset}${suffix}` };
}

function backwards(text: string): string {
  return Array.from(text).reverse().join('');
}

function commonPrefix(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  let length = first.length;
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}
