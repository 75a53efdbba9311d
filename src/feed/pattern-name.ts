import { isDay } from '../columns/calendar.ts';
import type { Dataset, FileName, NamePattern, NameProblem } from '../model/feed.ts';
import { editDistance } from './edit-distance.ts';
import { headerKey } from './header.ts';
import { wholeName } from './under-way.ts';

/** `A, B or C`: British English has no comma before the last. */
const DISJUNCTION = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** One letter in so many of a dataset's name may be wrong for a name without a stamp to be taken as meant for it. */
const LETTERS_PER_MISTAKE = 4;

/**
 * Reads what a file's path below the landing folder says by the pattern of its feed.
 *
 * A name comes near, and is reported when it cannot be taken, if one thing is wrong with it: its capitals, its stamp, its extension
 * or its dataset (without a stamp only if that is nearly the name of one); or if it holds, anywhere, what a name has before its stamp
 * with digits behind it (without a stamp: in a name with the right extension).
 *
 * @param name the path below the landing folder, with `/`
 */
export function readPatternName(pattern: NamePattern, datasets: readonly Dataset[], name: string): FileName {
  const whole = wholeName(name);
  if (whole !== name)
    return read(pattern, datasets, whole).kind === 'foreign' ? { kind: 'foreign' } : { kind: 'partial' };
  return read(pattern, datasets, name);
}

function read(pattern: NamePattern, datasets: readonly Dataset[], name: string): FileName {
  const parts = pattern.name.exec(name)?.groups;
  if (pattern.name.test(name)) {
    const dataset = datasets.find((one) => one.name === parts?.['dataset']) ?? datasets[0];
    if (dataset === undefined) return { kind: 'foreign' };
    if (pattern.stampFormat === null) return { kind: 'taken', dataset, stamp: null, warning: null };
    const stamp = stampOf(parts ?? {});
    if (stamp !== null) return { kind: 'taken', dataset, stamp, warning: null };
    return nearMiss('bad_stamp', 'the day or the time of the time stamp does not exist');
  }
  if (pattern.inAnyCase.test(name)) return nearMiss('bad_case', `wrong capitals: expected ${pattern.text}`);
  const known = datasets.map((dataset) => dataset.name);
  const [, ...said] = pattern.withAnyDataset.exec(name) ?? [];
  if (
    said.length > 0 &&
    (pattern.stampFormat !== null || said.some((word) => known.some((one) => isNearly(word, one))))
  ) {
    const same = said.length > 1 ? ', the same everywhere' : '';
    return nearMiss(
      'bad_dataset',
      `in ${pattern.text}, {dataset} must be ${DISJUNCTION.format(known)}${same}; rename the file`,
    );
  }
  if (pattern.stampFormat !== null && pattern.withAnyStamp.test(name))
    return nearMiss('bad_stamp', `the time stamp is not of the form ${pattern.stampFormat}`);
  if (pattern.withAnyExtension.test(name))
    return nearMiss('bad_extension', `the name does not end with ${pattern.extension}`);
  return comesNear(pattern, name)
    ? nearMiss('bad_name', `the name is not of the form ${pattern.text}`)
    : { kind: 'foreign' };
}

function nearMiss(code: NameProblem, reason: string): FileName {
  return { kind: 'near_miss', code, reason };
}

/** Null: there is no such day or time. What the pattern does not have is the first of its unit. */
function stampOf(parts: Readonly<Record<string, string>>): string | null {
  const {
    YYYY: year = '',
    MM: month = '',
    DD: day = '01',
    hh: hour = '00',
    mm: minute = '00',
    ss: second = '00',
  } = parts;
  if (!isDay(Number(year), Number(month), Number(day))) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}

function isNearly(word: string, name: string): boolean {
  const mistakes = Math.max(1, Math.floor(name.length / LETTERS_PER_MISTAKE));
  if (Math.abs(word.length - name.length) > mistakes) return false;
  return editDistance(word.toLowerCase(), name.toLowerCase()) <= mistakes;
}

function comesNear({ stems, stampFormat, extension }: NamePattern, name: string): boolean {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const key = headerKey(base);
  if (stampFormat !== null)
    return stems.some((stem) => [...key.matchAll(/\d{6}/g)].some(({ index }) => key.slice(0, index).endsWith(stem)));
  return base.toLowerCase().endsWith(extension.toLowerCase()) && stems.some((stem) => key.includes(stem));
}
