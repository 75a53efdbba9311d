import { NO_PARAMETERS, type RowProblem, type TypeParameters, type Value, type ValueRules } from './column-type.ts';
import { COLUMN_TYPES, type ColumnCode, type ColumnTypeName } from './registry.ts';

/** What a row's mapper has to know of a column. */
export interface MappedColumn {
  /** The header cell as the sender documents it, for reasons. */
  readonly header: string;
  readonly name: string;
  readonly type: ColumnTypeName;
  readonly required: boolean;
  readonly parameters?: TypeParameters;
}

/** What a row's mapper has to know of a feed. */
export interface MappingRules extends ValueRules {
  /** Words (compared without regard to case) that mean NULL, besides the empty field. */
  readonly nulls: readonly string[];
}

/** Why a row is refused. */
export type MappingProblem = RowProblem<ColumnCode | 'missing_value'>;

/** Turns the fields of a row into the record that is bound. */
export interface RowMapper {
  /**
   * @param fields the row as it was split
   * @param into takes one value for each column, in their order; of no use when a problem is given
   * @returns null for a good row
   */
  map(fields: readonly string[], into: Value[]): MappingProblem | null;
  /** The key of a row as one value, also of one that is refused: of several columns a JSON array of texts. Null: it has none. */
  keyOf(fields: readonly string[]): string | null;
}

const MISSING = '';

/**
 * Makes the mapper for the files of one header. Fields are trimmed; an empty one and the feed's words for NULL are NULL.
 *
 * @param columns of the dataset, the key first
 * @param fieldOf for each column the index of its field, or null where the file has none
 * @param keyPlaces which of the columns are the key
 */
export function createRowMapper(
  columns: readonly MappedColumn[],
  rules: MappingRules,
  fieldOf: readonly (number | null)[],
  keyPlaces: readonly number[] = [0],
): RowMapper {
  const isNull = nullTest(rules.nulls);
  const parsers = columns.map((column) =>
    COLUMN_TYPES[column.type].parser(
      rules,
      <Code extends ColumnCode>(code: Code, reason: string) => problem(column, code, reason),
      column.parameters ?? NO_PARAMETERS,
    ),
  );
  const missing = columns.map((column) =>
    column.required ? problem(column, 'missing_value', 'a required value is empty') : null,
  );
  // -1 finds no field: the value is then missing.
  const sources = columns.map((_, index) => fieldOf[index] ?? -1);
  const keySources = keyPlaces.map((place) => fieldOf[place] ?? -1);

  const map = (fields: readonly string[], into: Value[]): MappingProblem | null => {
    for (let index = 0; index < parsers.length; index++) {
      const text = trimmed(fields[sources[index] ?? -1] ?? MISSING);
      if (text === MISSING || isNull(text)) {
        const why = missing[index];
        if (why != null) return why;
        into[index] = null;
        continue;
      }
      const parse = parsers[index];
      const value = parse === undefined ? null : parse(text);
      if (typeof value === 'object' && value !== null) return value;
      into[index] = value;
    }
    return null;
  };
  const keyOf = (fields: readonly string[]): string | null => {
    const texts = keySources.map((source) => fields[source]?.trim() ?? '');
    if (texts.includes('')) return null;
    return texts.length === 1 ? (texts[0] ?? null) : JSON.stringify(texts);
  };
  return { map, keyOf };
}

function problem<Code extends string>(column: MappedColumn, code: Code, reason: string): RowProblem<Code> {
  return { code, column: column.name, reason: `${column.header}: ${reason}` };
}

/** Most fields need no trimming; looking at both ends first saves the call. */
function trimmed(text: string): string {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  return first > 0x20 && first < 0x7f && last > 0x20 && last < 0x7f ? text : text.trim();
}

function nullTest(words: readonly string[]): (text: string) => boolean {
  const folded = new Set(words.map((word) => word.toLowerCase()));
  const lengths = new Set(words.map((word) => word.length));
  const shortest = Math.min(...lengths);
  const longest = Math.max(...lengths);
  return (text) =>
    text.length >= shortest && text.length <= longest && lengths.has(text.length) && folded.has(text.toLowerCase());
}
