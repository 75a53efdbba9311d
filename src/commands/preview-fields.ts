import type { Value } from '../columns/column-type.ts';
import { PROTECTIONS } from '../columns/protections.ts';
import { createRowMapper } from '../columns/row-mapper.ts';
import { headerKey } from '../feed/header.ts';
import { shapeOf } from '../ingest/look-alike.ts';
import type { Column, Dataset, FeedFormat } from '../model/feed.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import { isProtected } from '../protection/feed-key.ts';
import { createHasher } from '../protection/hash-value.ts';
import type { ReadEvent, Table } from '../reader/types.ts';

/** What stands for a protected value where no key is at hand. */
const HIDDEN = '(protected)';

/** What may be shown of a file. */
export interface Shown {
  readonly cells: readonly string[];
  readonly row: (event: ReadEvent) => ReadEvent;
  /** What is not as it stands in the file, as a clause; null: all is. */
  readonly hint: string | null;
}

/** What a preview has to know to keep protected values to itself (P9). */
export interface ShowOptions {
  /** The dataset that the file was read as; null: as any delimited file. */
  readonly dataset: Dataset | null;
  /** The datasets that it may be of by its name. */
  readonly candidates: readonly Dataset[];
  readonly format: FeedFormat;
  /** Null: none is at hand. */
  readonly key: ProtectionKey | null;
  readonly now: Date;
}

/**
 * What is shown of a file. Columns that its dataset protects are shown as they would be stored, without a key by a placeholder. Where it
 * cannot be told which field belongs to which column, every letter and digit of a protected dataset is replaced.
 */
export function shownOf({ header }: Table, { dataset, candidates, format, key, now }: ShowOptions): Shown {
  const mayHold = dataset === null ? candidates : [dataset];
  if (!mayHold.some(isProtected)) return { cells: header.cells, row: (event) => event, hint: null };
  const shapes = (event: ReadEvent): ReadEvent => ({ ...event, fields: event.fields.map(shapeOf) });
  if (dataset === null) {
    const columns = mayHold.flatMap((each) => each.columns);
    const known = new Set(columns.flatMap(({ header: cell, aliases }) => [cell, ...aliases]).map(headerKey));
    const cells = header.cells.map((cell) => (known.has(headerKey(cell)) ? cell : shapeOf(cell)));
    return { cells, row: shapes, hint: 'its values are protected: letters and digits are replaced' };
  }
  const hash = key === null ? null : createHasher(key.hashing);
  const context = hash === null ? null : { hash, year: now.getUTCFullYear() };
  const fields = dataset.columns.flatMap((column, index) => {
    const at = header.fieldOf[index] ?? null;
    return column.protect == null || at === null ? [] : [{ at, show: fieldView(column, at, format, context) }];
  });
  const names = dataset.columns.flatMap(({ name, protect }) => (protect == null ? [] : [name])).join(', ');
  return {
    cells: header.cells,
    row: (event) => {
      if (event.kind !== 'row') return shapes(event);
      const shown = [...event.fields];
      for (const { at, show } of fields) shown[at] = show(event.fields);
      return { ...event, fields: shown };
    },
    hint: `${names} ${key === null ? 'hidden: --key-file shows what would be stored' : 'as stored'}`,
  };
}

/** What is shown of one column of a row. */
function fieldView(
  column: Column,
  at: number,
  format: FeedFormat,
  context: { readonly hash: (text: string) => string; readonly year: number } | null,
): (fields: readonly string[]) => string {
  const mapper = createRowMapper([{ ...column, required: false }], format, [at]);
  const protector = context === null || column.protect == null ? null : PROTECTIONS[column.protect].make(context);
  const into: Value[] = [null];
  return (fields) => {
    // A value that is refused is stored nowhere.
    const isRefused = mapper.map(fields, into) !== null;
    const [value = null] = into;
    if (!isRefused && value === null) return '';
    if (isRefused || protector === null || value === null) return HIDDEN;
    return protector(value) ?? '';
  };
}
