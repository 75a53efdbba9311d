import type { TypeParameters } from '../columns/column-type.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../columns/registry.ts';
import { LandfallError } from '../model/errors.ts';
import { ANY_FORMAT, type FeedFormat } from '../model/feed.ts';
import { LEDGER_TABLES } from '../model/ledger-tables.ts';
import { guessKey, guessReferences, type GuessedColumns } from './guess-keys.ts';
import { guessType, type TypeGuess } from './guess-type.ts';
import { distinct, plural, toIdentifier } from './names.ts';
import type { DatasetSample, Samples } from './samples.ts';

/** A feed as it is proposed. */
export interface Proposal {
  readonly feed: string;
  readonly pattern: string;
  readonly format: Pick<FeedFormat, 'dateOrder' | 'thousandsSeparator' | 'nulls'>;
  /** Parents before children. */
  readonly datasets: readonly ProposedDataset[];
}

/** A dataset of it. */
export interface ProposedDataset {
  readonly name: string;
  readonly table: string;
  /** Why these columns are the key. */
  readonly keyWhy: string;
  /** The columns of the key. */
  readonly key: readonly string[];
  /** Those of the key first. */
  readonly columns: readonly ProposedColumn[];
}

/** A column of it, with the reason for the guess. */
export interface ProposedColumn {
  readonly header: string;
  readonly name: string;
  readonly type: ColumnTypeName;
  readonly parameters: TypeParameters;
  readonly required: boolean;
  readonly optional: boolean;
  readonly phi: boolean;
  readonly references: string | null;
  readonly why: string;
}

/** Types that a column of a key of several may have, besides texts. */
const TYPES_IN_KEYS: readonly string[] = ['integer', 'date'];

/** Words that stand for nothing, where they stand in place of a value. */
const NULL_WORDS = ['NULL', 'null', 'N/A', 'n/a', 'NA', '\\N', 'None', 'nan', 'NaN'];

const PHI_NAME =
  /name$|birth|(?:^|_)dob$|phone|fax|address|(?:^|_)(?:ssn|mrn|email|e_mail|zip|zip_code|city|patient_id)$/;

/**
 * Proposes a feed from samples.
 * @throws LandfallError where nothing identifies the rows of a dataset
 */
export function propose(feed: string, samples: Samples): Proposal {
  const format = guessFormat(samples);
  const guessed = samples.datasets.map((sample) => guessColumns(sample, format));
  const keys = guessed.map((one) => guessKey(one));
  const references = guessReferences(guessed, keys);
  const tables = distinct(guessed.map(({ name }) => tableOf(name, feed)));
  const datasets = guessed.map((one, index): ProposedDataset => {
    const key = keys[index];
    if (key == null) {
      throw new LandfallError(
        'init',
        `nothing identifies a row of ${one.sample.name}: no columns differ in every row`,
        {
          hint: 'give it files that hold each row once, or write the feed by hand (docs/feeds.md)',
        },
      );
    }
    const columns = one.guesses.map((guess, place): ProposedColumn => {
      const isKey = key.places.includes(place);
      const reference = references.find((each) => each.dataset === index && each.place === place);
      const isPart = isKey && key.places.length > 1 && TYPES_IN_KEYS.includes(guess.type);
      const refersOrIsKey = (isKey && !isPart) || reference !== undefined || references.some((each) => each.parent === index && keys[index]?.places[0] === place); // prettier-ignore
      // What refers and what is referred to are of one type; a key is a text.
      const isForced = refersOrIsKey && guess.type !== 'id';
      const header = one.sample.headers[place] ?? '';
      const name = one.columns[place]?.name ?? '';
      const missing = one.sample.missing.has(header);
      return {
        ...{ header, name },
        type: isForced ? 'id' : guess.type,
        parameters: isForced ? {} : guess.parameters,
        required: isKey,
        optional: missing && !isKey,
        phi: PHI_NAME.test(name),
        references: reference === undefined ? null : (tables[reference.parent] ?? null),
        why: [...(isKey ? ['of the key'] : []), ...(reference === undefined ? [] : [reference.why]), ...(isKey || reference !== undefined ? [] : [guess.why]), ...(missing ? ['some files lack it'] : [])].join('; '), // prettier-ignore
      };
    });
    const inKey = key.places.flatMap((place) => columns[place] ?? []);
    return {
      name: one.sample.name,
      table: tables[index] ?? '',
      keyWhy: key.why,
      key: inKey.map(({ name }) => name),
      columns: [...inKey, ...columns.filter((column) => !inKey.includes(column))],
    };
  });
  return { feed, pattern: samples.pattern, format, datasets: parentsFirst(datasets) };
}

interface Guessed extends GuessedColumns {
  readonly guesses: readonly TypeGuess[];
}

function guessColumns(sample: DatasetSample, format: FeedFormat): Guessed {
  const nulls = new Set(['', ...format.nulls]);
  const bare = sample.headers.map(toIdentifier);
  const guesses = bare.map((name, place) =>
    guessType(
      name,
      sample.files.flatMap((rows) => rows.map((row) => row[place] ?? '')).filter((value) => !nulls.has(value)),
      format,
    ),
  );
  // A column says its unit.
  const names = distinct(bare.map((name, place) => (guesses[place]?.type === 'money' ? `${name}_cents` : name)));
  return {
    ...{ sample, guesses, name: toIdentifier(sample.name) },
    columns: names.map((name, place) => ({ name, type: guesses[place]?.type ?? 'text' })),
  };
}

function guessFormat({ datasets }: Samples): FeedFormat {
  const values = (): Iterable<string> => datasets.values().flatMap(({ files }) => files.values().flatMap((rows) => rows.values().flatMap((row) => row.values()))); // prettier-ignore
  const found = new Set<string>();
  let dayFirst = 0;
  let monthFirst = 0;
  let thousands = false;
  for (const value of values()) {
    if (value.length > 40) continue;
    if (NULL_WORDS.includes(value)) found.add(value);
    if (/^\$?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(value)) thousands = true;
    if (!/^\d{1,2}\/\d{1,2}\/\d{4}/.test(value)) continue;
    const isDate = (dateOrder: FeedFormat['dateOrder']) => COLUMN_TYPES.date.recognises?.(value, { ...ANY_FORMAT, dateOrder }, {}) === true; // prettier-ignore
    if (isDate('day-first')) dayFirst++;
    if (isDate('month-first')) monthFirst++;
  }
  const dateOrder = dayFirst > monthFirst ? 'day-first' : 'month-first';
  return { ...ANY_FORMAT, nulls: [...found], thousandsSeparator: thousands, dateOrder };
}

function tableOf(dataset: string, feed: string): string {
  const table = plural(dataset);
  const taken: readonly string[] = [...LEDGER_TABLES, 'schema_migrations', 'feed_schema'];
  return taken.includes(table) || table.startsWith('sqlite_') ? `${feed}_${table}` : table;
}

function parentsFirst(datasets: readonly ProposedDataset[]): readonly ProposedDataset[] {
  const sorted: ProposedDataset[] = [];
  // References make no circle: each round finds at least one.
  while (sorted.length < datasets.length) {
    const placed = new Set(sorted.map(({ table }) => table));
    sorted.push(
      ...datasets.filter(
        ({ table, columns }) =>
          !placed.has(table) && columns.every(({ references }) => references === null || placed.has(references)),
      ),
    );
  }
  return sorted;
}
