import type { ColumnTypeName } from '../columns/registry.ts';
import type { DatasetSample } from './samples.ts';
import { singular } from './names.ts';

/** A dataset, with what was guessed of its columns. */
export interface GuessedColumns {
  readonly sample: DatasetSample;
  /** The dataset's name as an identifier. */
  readonly name: string;
  /** For each header the column's name and type. */
  readonly columns: readonly { readonly name: string; readonly type: ColumnTypeName }[];
}

/** The columns that identify a row: their places, and why. */
export interface KeyGuess {
  readonly places: readonly number[];
  readonly why: string;
}

/** So many rows may lack the key, or have that of another row in their file: files have faults. */
const SHARE_OF_FAULTS = 0.05;
/** Keys of more columns are not looked for. */
const MOST_KEY_COLUMNS = 3;
/** Columns that are tried together. */
const MOST_TRIED = 8;
const ID_NAME = /(?:^|_)(?:id|uuid|key|mrn|npi|number|code)$/;
const KEY_TYPES: readonly ColumnTypeName[] = ['id', 'code', 'integer', 'date', 'timestamp'];

/** Guesses what identifies a row: one column where there is one, else the first few that do so together; null: nothing does. */
export function guessKey({ sample, name, columns }: GuessedColumns): KeyGuess | null {
  const places = columns.map((_, at) => at);
  const own = [`${singular(name)}_id`, 'id'];
  const ranked = places.toSorted(
    (a, b) => rank(columns[a]?.name ?? '', own) - rank(columns[b]?.name ?? '', own) || a - b,
  );
  const single = ranked.find((at) => ID_NAME.test(columns[at]?.name ?? '') && identifies(sample, [at]));
  if (single !== undefined) return { places: [single], why: `no value came twice in a file (${sample.rows} rows)` };
  const tried = places.filter((at) => KEY_TYPES.includes(columns[at]?.type ?? 'text')).slice(0, MOST_TRIED);
  for (let size = 2; size <= MOST_KEY_COLUMNS; size++) {
    const found = combinations(tried, size).find((some) => identifies(sample, some));
    if (found !== undefined)
      return { places: found, why: `no such combination came twice in a file (${sample.rows} rows)` };
  }
  const any = places.find((at) => identifies(sample, [at]));
  return any === undefined ? null : { places: [any], why: `no value came twice in a file (${sample.rows} rows)` };
}

function rank(name: string, own: readonly string[]): number {
  const at = own.indexOf(name);
  return at >= 0 ? at : own.length;
}

/** Whether some columns are filled and differ in nearly every row of each file. Files may repeat each other. */
function identifies(sample: DatasetSample, places: readonly number[]): boolean {
  let faults = 0;
  for (const rows of sample.files) {
    const seen = new Set<string>();
    for (const row of rows) {
      const values = places.map((at) => row[at] ?? '');
      const key = JSON.stringify(values);
      if (values.includes('') || seen.has(key)) faults++;
      seen.add(key);
    }
  }
  return faults <= sample.rows * SHARE_OF_FAULTS;
}

function combinations(places: readonly number[], size: number): number[][] {
  if (size === 0) return [[]];
  return places.flatMap((place, at) => combinations(places.slice(at + 1), size - 1).map((rest) => [place, ...rest]));
}

/** A column that seems to refer to the key of another dataset. */
export interface ReferenceGuess {
  readonly dataset: number;
  readonly place: number;
  readonly parent: number;
  readonly why: string;
}

/** Guesses references: a column that is named as the key of another dataset and holds values of it. None that would make a circle. */
export function guessReferences(
  datasets: readonly GuessedColumns[],
  keys: readonly (KeyGuess | null)[],
): readonly ReferenceGuess[] {
  const found: ReferenceGuess[] = [];
  for (const [dataset, { sample, columns }] of datasets.entries()) {
    for (const [place, column] of columns.entries()) {
      const parent = datasets.findIndex(
        (other, at) => at !== dataset && isNamedAfter(column.name, other, keys[at] ?? null),
      );
      const keyPlace = keys[parent]?.places[0];
      const other = datasets[parent];
      if (other === undefined || keyPlace === undefined || leadsTo(found, parent, dataset)) continue;
      const ownKey = keys[dataset]?.places;
      if (ownKey?.length === 1 && ownKey[0] === place) continue;
      const share = shareFound(valuesAt(sample, place), valuesAt(other.sample, keyPlace));
      if (share === 0) continue;
      const why = `${Math.round(share * 100)} % of its values are keys of ${other.name}`;
      found.push({ dataset, place, parent, why });
    }
  }
  return found;
}

function isNamedAfter(name: string, other: GuessedColumns, key: KeyGuess | null): boolean {
  const [place, ...more] = key?.places ?? [];
  if (place === undefined || more.length > 0) return false;
  const keyName = other.columns[place]?.name ?? '';
  return name === `${singular(other.name)}_id` || (name === keyName && keyName !== 'id');
}

/** Whether references lead from a dataset to another. */
function leadsTo(references: readonly ReferenceGuess[], from: number, to: number): boolean {
  if (from === to) return true;
  return references.some((one) => one.dataset === from && leadsTo(references, one.parent, to));
}

function valuesAt(sample: DatasetSample, place: number): ReadonlySet<string> {
  return new Set(sample.files.flatMap((rows) => rows.map((row) => row[place] ?? '')).filter((value) => value !== ''));
}

function shareFound(values: ReadonlySet<string>, among: ReadonlySet<string>): number {
  return values.size === 0 ? 0 : [...values].filter((value) => among.has(value)).length / values.size;
}
