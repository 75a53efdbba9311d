import { z } from 'zod';
import type { RowProblem, TypeParameters, ValueRules } from '../columns/column-type.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../columns/registry.ts';
import { type Bound, type ColumnRules, compilePattern, isComparable, type Severity } from '../columns/row-rules.ts';
import type { Path, Problem } from './problem.ts';

const constant = z.union([z.string(), z.number()], 'must be a text or a number').transform(String);

/** What a column of a feed definition may say of its values. */
export const ruleShape = {
  allowed: z.array(constant).min(1, 'is empty: no value could be taken').optional(),
  pattern: z.string().refine(isPattern, 'is not a regular expression in the syntax of RE2').optional(),
  min: constant.optional(),
  max: constant.optional(),
  severity: z.enum(['reject', 'warn', 'quarantine'], 'must be reject, warn or quarantine').optional(),
};

/** A column as far as its rules are concerned. */
interface RuledDefinition extends TypeParameters {
  readonly name: string;
  readonly type: ColumnTypeName;
  readonly allowed?: readonly string[] | undefined;
  readonly pattern?: string | undefined;
  readonly min?: string | undefined;
  readonly max?: string | undefined;
  readonly severity?: Severity | undefined;
}

/**
 * The rules of a column as they are used, or what is wrong with them.
 * @param columns of the same dataset
 * @param path of the column in the definition
 * @returns rules: null where it has none
 */
export function rulesOf(
  column: RuledDefinition,
  columns: readonly RuledDefinition[],
  values: ValueRules,
  path: Path,
): { readonly rules: ColumnRules | null; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const { allowed, pattern, min, max, severity } = column;
  const note = (key: string, problem: string) => {
    problems.push({ path: [...path, key], problem });
  };
  if (allowed === undefined && pattern === undefined && min === undefined && max === undefined) {
    if (severity !== undefined) note('severity', 'belongs to a rule, and there is none: allowed, pattern, min or max');
    return { rules: null, problems };
  }
  const { storage } = COLUMN_TYPES[column.type];
  const read = createConstantReader(column, values);
  const constantOf = (text: string, key: string, instead = '') => {
    const value = read(text);
    if (value === null) note(key, `is not a value of type ${column.type}${instead}`);
    return value ?? '';
  };
  const boundOf = (text: string | undefined, key: string): Bound | null => {
    if (text === undefined) return null;
    if (!isComparable(storage, storage)) {
      note(key, `is nothing that a column of type ${column.type} takes: its values have no order`);
      return null;
    }
    if (text === 'now') {
      if (storage !== 'date' && storage !== 'timestamp') note(key, `cannot be now: ${column.type} is no time`);
      return { kind: 'now' };
    }
    const other = columns.find(({ name }) => name === text);
    if (other === undefined)
      return { kind: 'constant', value: constantOf(text, key, ', nor a column of the dataset'), written: text };
    if (!isComparable(storage, COLUMN_TYPES[other.type].storage))
      note(key, `a ${column.type} cannot be compared with ${other.name}, which is of type ${other.type}`);
    return { kind: 'column', name: other.name };
  };
  if (pattern !== undefined && storage !== 'text')
    note('pattern', `is nothing that a column of type ${column.type} takes: only texts are held to a pattern`);
  const rules: ColumnRules = {
    severity: severity ?? 'reject',
    allowed: allowed?.map((text, index) => constantOf(text, `allowed[${index}]`)) ?? null,
    pattern: pattern ?? null,
    min: boundOf(min, 'min'),
    max: boundOf(max, 'max'),
  };
  return { rules, problems };
}

/** Reads constants as the values of a column are read: `1,000.00` of a money column is 100000 cents. */
function createConstantReader(column: RuledDefinition, values: ValueRules): (text: string) => string | number | null {
  const refuse = <Code extends string>(code: Code): RowProblem<Code> => ({ code, column: column.name, reason: '' });
  const parse = COLUMN_TYPES[column.type].parser(values, refuse, column);
  return (text) => {
    const value = parse(text);
    return typeof value === 'object' ? null : value;
  };
}

function isPattern(text: string): boolean {
  try {
    compilePattern(text);
    return true;
  } catch {
    return false;
  }
}
