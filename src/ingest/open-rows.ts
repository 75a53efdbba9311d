import type { Value } from '../columns/column-type.ts';
import { keyPlaces } from '../feed/keys.ts';
import { type MappingProblem, type RowMapper, createRowMapper } from '../columns/row-mapper.ts';
import { type ProtectionInput, createRowProtector } from './row-protector.ts';
import { type BrokenRule, type RuleCode, createRowRules } from '../columns/row-rules.ts';
import type { Dataset, FeedFormat } from '../model/feed.ts';
import { openTable } from '../reader/table.ts';
import type { Survey, Table } from '../reader/types.ts';

/** A surveyed file's bytes, and what they are to be read as. */
export interface RowsOptions extends ProtectionInput {
  readonly dataset: Dataset;
  readonly format: FeedFormat;
  readonly survey: Survey;
}

/** A file opened as its dataset: rows of fields, and what makes a record of each. */
export interface OpenRows {
  readonly table: Table;
  readonly rows: RowReader;
  /** What is filled, row after row. */
  readonly values: Value[];
}

/** Turns the fields of a row into the record that is bound, and holds it to the feed's rules. */
export interface RowReader {
  /**
   * @param fields the row as it was split
   * @param into takes one value for each column, in their order; of no use when a problem is given
   * @param warn takes the code of each rule that is broken and only warned of; not called for a row with a problem
   * @returns null for a row that is to be loaded
   */
  read(fields: readonly string[], into: Value[], warn: (code: RuleCode) => void): MappingProblem | BrokenRule | null;
  /** The key of a row as it is stored, also of one that is refused; null: it has none. */
  keyOf(fields: readonly string[]): string | null;
}

/** Opens a file as its dataset. @throws FileRefused where it cannot be read so */
export function openRows(chunks: Iterable<Uint8Array>, options: RowsOptions): OpenRows {
  const { columns } = options.dataset;
  const table = openTable(chunks, options);
  const rows = createRowReader(
    createRowMapper(columns, options.format, table.header.fieldOf, keyPlaces(options.dataset)),
    options,
  );
  return { table, rows, values: Array<Value>(columns.length).fill(null) };
}

function createRowReader(mapper: RowMapper, options: RowsOptions): RowReader {
  const { dataset, takenAt } = options;
  const rules = createRowRules(dataset.columns, takenAt);
  const protector = createRowProtector(dataset, options.format, options);
  return {
    read(fields, into, warn) {
      const problem = mapper.map(fields, into);
      if (problem !== null) return problem;
      // Rules see values in the clear.
      const broken = rules === null ? null : judge(rules(into), warn);
      if (broken === null) protector?.protect(into);
      return broken;
    },
    keyOf: (fields) => {
      const key = mapper.keyOf(fields);
      return protector === null ? key : protector.protectKey(key);
    },
  };
}

/** What refuses a row of all that it breaks; where nothing does, it is warned of what it breaks. */
function judge(broken: readonly BrokenRule[], warn: (code: RuleCode) => void): BrokenRule | null {
  const refused = broken.find(({ severity }) => severity !== 'warn');
  if (refused !== undefined) return refused;
  for (const { code } of broken) warn(code);
  return null;
}
