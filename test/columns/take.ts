import type { TypeParameters, Value } from '../../src/columns/column-type.ts';
import type { ColumnTypeName } from '../../src/columns/registry.ts';
import { createRowMapper, type MappingProblem } from '../../src/columns/row-mapper.ts';
import { ANY_FORMAT } from '../../src/model/feed.ts';

/** What becomes of fields of a column: each its value, or why it is refused. */
export function taker(type: ColumnTypeName, parameters: TypeParameters = {}): (text: string) => Value | MappingProblem {
  const column = { header: 'Value', name: 'value', type, required: false, parameters };
  const mapper = createRowMapper([column], ANY_FORMAT, [0]);
  return (text) => {
    const into: Value[] = [];
    return mapper.map([text], into) ?? into[0] ?? null;
  };
}

/** The reject code of a field; null: it is taken. */
export function codeOf(type: ColumnTypeName, text: string, parameters: TypeParameters = {}): string | null {
  const found = taker(type, parameters)(text);
  return typeof found === 'object' && found !== null ? found.code : null;
}
