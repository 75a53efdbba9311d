import type { ValueRules } from '../columns/column-type.ts';
import { COLUMN_TYPES } from '../columns/registry.ts';
import { namesDataset } from './file-pattern.ts';
import { headerKey } from './header.ts';
import type { Path, Problem } from './problem.ts';
import { protectProblems, referenceProtectProblems } from './protect.ts';
import { rulesOf } from './rules.ts';
import { parameterProblems } from './type-parameters.ts';
import type { ColumnDefinition, DatasetDefinition, Definition, SoundDataset, SoundParts } from './schema.ts';

/**
 * Everything that is wrong although each field for itself is right: what is there twice, contradicts another, or refers to nothing.
 * @param definition whole, or what of it is right
 * @param values how the feed's values are written
 */
export function findContradictions(definition: Definition | SoundParts, values: ValueRules): readonly Problem[] {
  const problems: Problem[] = [];
  const noteDataset = createUniqueness('dataset', problems);
  const noteTable = createUniqueness('table', problems);
  const pattern = definition.files?.pattern;
  if (pattern !== undefined && !namesDataset(pattern) && definition.datasets.length > 1)
    problems.push({ path: ['files', 'pattern'], problem: 'lacks {dataset}: the feed has several' });
  for (const [index, dataset] of definition.datasets.entries()) {
    if (dataset === null) continue;
    const path = ['datasets', index];
    if (definition.files?.prefix !== undefined && /[_-]/.test(dataset.name))
      problems.push({
        path: [...path, 'name'],
        problem: 'must be letters and digits: in a file name, _ stands behind it',
      });
    noteDataset(dataset.name.toLowerCase(), [...path, 'name']);
    noteTable(dataset.table, [...path, 'table']);
    checkNames(dataset, path, problems);
    const key = keyNamesOf(dataset);
    problems.push(...keyNameProblems(dataset, key, [...path, 'key']));
    for (const [place, column] of dataset.columns.entries()) {
      if (column === null) continue;
      const at = [...path, 'columns', place];
      const isKey = key.length === 0 ? place === 0 : key.includes(column.name);
      if (isKey) problems.push(...keyProblems(column, key, at));
      if (column.optional && (column.required || isKey)) {
        const why = isKey
          ? `the ${key.length === 0 ? 'first column is the key' : 'column is of the key'}`
          : 'the column is required';
        problems.push({ path: [...at, 'optional'], problem: `cannot be: ${why}` });
      }
      problems.push(...parameterProblems(column, at));
      if (column.references === undefined) problems.push(...protectProblems(column, isKey, at));
      problems.push(
        ...rulesOf(
          column,
          dataset.columns.filter((other) => other !== null),
          values,
          at,
        ).problems,
      );
      problems.push(...referenceProblems(definition, dataset, column, [...at, 'references']));
    }
  }
  return 'otherTables' in definition || problems.length > 0 ? problems : circles(definition.datasets);
}

/** Names and headers stand once in a dataset, whatever their spelling. */
function checkNames(dataset: SoundDataset, path: Path, problems: Problem[]): void {
  const noteColumn = createUniqueness('column', problems);
  const noteHeader = createUniqueness('header', problems);
  for (const [place, column] of dataset.columns.entries()) {
    if (column === null) continue;
    const at = [...path, 'columns', place];
    noteColumn(column.name, [...at, 'name']);
    noteHeader(headerKey(column.header), [...at, 'header']);
    for (const [index, alias] of column.aliases.entries()) noteHeader(headerKey(alias), [...at, 'aliases', index]);
  }
}

/** Notes names, and a problem where one is used again that says where it was used first. */
function createUniqueness(what: string, problems: Problem[]): (name: string, path: Path) => void {
  const seen = new Map<string, Path>();
  return (name, path) => {
    const before = seen.get(name);
    if (name === '') problems.push({ path, problem: 'has neither a letter nor a digit' });
    else if (before !== undefined) problems.push({ path, problem: `is the same ${what} as ${spell(before)}` });
    else seen.set(name, path);
  };
}

/** Types that a column of a key of several may have besides those of a key of one. */
const TYPES_IN_KEYS: readonly string[] = ['integer', 'date'];

/** @param names those that the dataset names as its key */
function keyProblems(key: ColumnDefinition, names: readonly string[], path: Path): readonly Problem[] {
  const isTaken = (type: string, mayBeKey: boolean): boolean =>
    mayBeKey || (names.length > 1 && TYPES_IN_KEYS.includes(type));
  if (isTaken(key.type, COLUMN_TYPES[key.type].mayBeKey)) return [];
  const types = Object.entries(COLUMN_TYPES).flatMap(([name, { mayBeKey }]) => (isTaken(name, mayBeKey) ? [name] : []));
  const which = names.length === 0 ? 'the first column is the key' : 'the column is of the key';
  const problem = `${which}: it must be ${types.join(', ').replace(/, (\w+)$/, ' or $1')}, not ${key.type}`;
  return [{ path: [...path, 'type'], problem }];
}

/** The columns that a dataset names as its key; none: it is the first. */
export function keyNamesOf({ key }: Pick<SoundDataset, 'key'>): readonly string[] {
  if (key === undefined) return [];
  return typeof key === 'string' ? [key] : key;
}

function keyNameProblems(dataset: SoundDataset, names: readonly string[], path: Path): readonly Problem[] {
  // One that is wrong in itself may have any name.
  const isWhole = dataset.columns.every((column) => column !== null);
  return names.flatMap((name, index): Problem[] => {
    const at = typeof dataset.key === 'string' ? path : [...path, index];
    if (names.indexOf(name) < index) return [{ path: at, problem: `names ${name} again` }];
    if (!isWhole || dataset.columns.some((column) => column.name === name)) return [];
    return [{ path: at, problem: `there is no column ${name}` }];
  });
}

function referenceProblems(
  definition: Definition | SoundParts,
  dataset: SoundDataset,
  column: ColumnDefinition,
  path: Path,
): readonly Problem[] {
  if (column.references === undefined) return [];
  if (column.references === dataset.table) {
    return [{ path, problem: `a circle: ${dataset.table} refers to itself` }];
  }
  const datasets: readonly SoundDataset[] = definition.datasets.flatMap((other) => other ?? []);
  const others = 'otherTables' in definition ? definition.otherTables : [];
  const parent = datasets.find((other) => other.table === column.references);
  if (parent === undefined) {
    if (others.includes(column.references)) return [];
    const known = [...datasets.map((other) => other.table), ...others].join(', ');
    return [{ path, problem: `no dataset has the table ${column.references} (there are ${known})` }];
  }
  const names = keyNamesOf(parent);
  if (names.length > 1) {
    const problem = `cannot refer to ${parent.table}, which has a key of several columns (${names.join(', ')})`;
    return [{ path, problem }];
  }
  const key = names.length === 0 ? parent.columns[0] : parent.columns.find((one) => one?.name === names[0]);
  if (key != null && key.type !== column.type) {
    return [
      { path, problem: `a ${column.type} cannot refer to ${parent.table}.${key.name}, which is of type ${key.type}` },
    ];
  }
  return key == null ? [] : referenceProtectProblems(column, { table: parent.table, key }, path.slice(0, -1));
}

/** The tables that a dataset refers to. */
function parentsOf(dataset: DatasetDefinition): string[] {
  return dataset.columns.flatMap((column) => column.references ?? []);
}

/** One problem for a circle of references, with the tables on it. */
function circles(datasets: readonly DatasetDefinition[]): Problem[] {
  const left = sortParentsFirst(datasets).left;
  const start = left[0];
  if (start === undefined) return [];
  // Every table left over has a parent that is left over too, so walking up comes back to a table already passed.
  const walk = [start];
  for (;;) {
    const last = walk[walk.length - 1] ?? start;
    const next = left.find((dataset) => parentsOf(last).includes(dataset.table)) ?? start;
    const from = walk.indexOf(next);
    if (from >= 0) {
      const round = [...walk.slice(from), next].map((dataset) => dataset.table).join(' → ');
      return [{ path: ['datasets', datasets.indexOf(next)], problem: `a circle of references: ${round}` }];
    }
    walk.push(next);
  }
}

/** The datasets, parents before children and else as they stand; `left` holds those that a circle keeps back. */
export function sortParentsFirst(datasets: readonly DatasetDefinition[]): {
  sorted: DatasetDefinition[];
  left: readonly DatasetDefinition[];
} {
  const sorted: DatasetDefinition[] = [];
  let left = datasets;
  for (;;) {
    const placed = new Set(sorted.map((dataset) => dataset.table));
    const ready = left.find((dataset) => parentsOf(dataset).every((table) => placed.has(table)));
    if (ready === undefined) return { sorted, left };
    sorted.push(ready);
    left = left.filter((dataset) => dataset !== ready);
  }
}

/** A path as people write it: `datasets[1].columns[0].type`. */
export function spell(path: Path): string {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${step}`;
  return text === '' ? 'the file' : text;
}
