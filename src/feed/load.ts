import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { LandfallError } from '../errors.ts';
import { systemCode } from '../system-error.ts';
import { headerKey } from './header.ts';
import { definitionSchema, type ColumnDefinition, type DatasetDefinition, type Definition } from './schema.ts';
import type { Column, Dataset, Feed } from './types.ts';

const OPERATION = 'read feed definition';

type Path = readonly (string | number)[];

/** What is wrong with a definition, and where in it. */
interface Fault {
  readonly path: Path;
  readonly problem: string;
}

/**
 * Reads and checks a feed definition (YAML).
 *
 * @param path the file
 * @returns the feed, its datasets sorted so that parents come before children
 * @throws LandfallError naming every fault with its line and its path in the file
 */
export function loadFeed(path: string): Feed {
  const bytes = readBytes(path);
  const lines = new LineCounter();
  const document = parseDocument(decode(bytes, path), { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw faulty(
      path,
      document.errors.map((error) => `line ${lines.linePos(error.pos[0]).line}: ${error.message}`),
    );
  }

  const parsed = definitionSchema.safeParse(toData(document, path));
  const faults = parsed.success
    ? contradictions(parsed.data)
    : parsed.error.issues.map((issue) => shapeFault(issue, document));
  if (!parsed.success || faults.length > 0) {
    throw faulty(
      path,
      faults.map((fault) => `${place(fault.path, document, lines)}: ${fault.problem}`),
    );
  }
  return toFeed(parsed.data, createHash('sha256').update(bytes).digest('hex'));
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new LandfallError(OPERATION, `cannot be read: ${systemCode(cause) ?? 'unknown'}`, {
      file: path,
      hint: 'name another with --feed',
      cause,
    });
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LandfallError(OPERATION, 'is not UTF-8 text', { file: path, cause });
  }
}

/** @throws LandfallError where aliases would swell the document without bound */
function toData(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw faulty(path, [cause instanceof Error ? cause.message : 'cannot be read as data']);
  }
}

function faulty(file: string, faults: readonly string[]): LandfallError {
  const [first, ...others] = faults;
  if (first !== undefined && others.length === 0) return new LandfallError(OPERATION, first, { file });
  return new LandfallError(OPERATION, `${faults.length} faults\n${faults.map((fault) => `  ${fault}`).join('\n')}`, {
    file,
  });
}

/** `line 12, datasets[1].columns[0].type`; the line is that of the nearest thing that is there. */
function place(path: Path, document: Document, lines: LineCounter): string {
  let range: unknown;
  for (let depth = path.length; depth >= 0 && range === undefined; depth--) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (typeof node === 'object' && node !== null && 'range' in node) range = node.range;
  }
  const start: unknown = Array.isArray(range) ? range[0] : undefined;
  const line = typeof start === 'number' ? `line ${lines.linePos(start).line}, ` : '';
  return line + spell(path);
}

function spell(path: Path): string {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${step}`;
  return text === '' ? 'the file' : text;
}

function shapeFault(issue: z.core.$ZodIssue, document: Document): Fault {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return { path: [...path, issue.keys[0] ?? ''], problem: `is not known here (${issue.keys.join(', ')})` };
  }
  const found: unknown = document.getIn(path);
  if (found === undefined) return { path, problem: 'is missing' };
  const shown = typeof found === 'object' && found !== null ? '' : ` (it is ${JSON.stringify(found)})`;
  return { path, problem: `${issue.message}${shown}` };
}

/** Everything that is wrong although each field for itself is right. */
function contradictions(definition: Definition): Fault[] {
  const faults: Fault[] = [];
  const names = new Unique('dataset');
  const tables = new Unique('table');
  definition.datasets.forEach((dataset, d) => {
    const path = ['datasets', d];
    names.take(dataset.name.toLowerCase(), [...path, 'name'], faults);
    tables.take(dataset.table, [...path, 'table'], faults);
    const columnNames = new Unique('column');
    const headers = new Unique('header');
    dataset.columns.forEach((column, c) => {
      const at = [...path, 'columns', c];
      columnNames.take(column.name, [...at, 'name'], faults);
      headers.take(headerKey(column.header), [...at, 'header'], faults);
      column.aliases.forEach((alias, a) => {
        headers.take(headerKey(alias), [...at, 'aliases', a], faults);
      });
      if (column.optional && (column.required || c === 0)) {
        const why = c === 0 ? 'the first column is the key' : 'the column is required';
        faults.push({ path: [...at, 'optional'], problem: `cannot be: ${why}` });
      }
      if (c === 0 && (column.type === 'money' || column.type === 'date')) {
        faults.push({
          path: [...at, 'type'],
          problem: `the first column is the key: it must be id, code or text, not ${column.type}`,
        });
      }
      faults.push(...referenceFaults(definition, dataset, column, [...at, 'references']));
    });
  });
  if (faults.length === 0) faults.push(...circles(definition));
  return faults;
}

/** Says where a name was used first when it is used again. */
class Unique {
  private readonly what: string;
  private readonly seen = new Map<string, Path>();

  constructor(what: string) {
    this.what = what;
  }

  take(name: string, path: Path, faults: Fault[]): void {
    const before = this.seen.get(name);
    if (name === '') faults.push({ path, problem: 'has neither a letter nor a digit' });
    else if (before !== undefined) faults.push({ path, problem: `is the same ${this.what} as ${spell(before)}` });
    else this.seen.set(name, path);
  }
}

function referenceFaults(
  definition: Definition,
  dataset: DatasetDefinition,
  column: ColumnDefinition,
  path: Path,
): Fault[] {
  if (column.references === undefined) return [];
  if (column.references === dataset.table) {
    return [{ path, problem: `a circle: ${dataset.table} refers to itself` }];
  }
  const parent = definition.datasets.find((other) => other.table === column.references);
  if (parent === undefined) {
    const known = definition.datasets.map((other) => other.table).join(', ');
    return [{ path, problem: `no dataset has the table ${column.references} (there are ${known})` }];
  }
  const key = parent.columns[0];
  if (key !== undefined && key.type !== column.type) {
    return [
      { path, problem: `a ${column.type} cannot refer to ${parent.table}.${key.name}, which is of type ${key.type}` },
    ];
  }
  return [];
}

/** The tables that a dataset refers to. */
function parentsOf(dataset: DatasetDefinition): string[] {
  return dataset.columns.flatMap((column) => column.references ?? []);
}

/** One fault for a circle of references, with the tables on it. */
function circles(definition: Definition): Fault[] {
  const left = sortParentsFirst(definition).left;
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
      return [{ path: ['datasets', definition.datasets.indexOf(next)], problem: `a circle of references: ${round}` }];
    }
    walk.push(next);
  }
}

/** The datasets, parents before children and else as they stand; `left` holds those that a circle keeps back. */
function sortParentsFirst(definition: Definition): { sorted: DatasetDefinition[]; left: DatasetDefinition[] } {
  const sorted: DatasetDefinition[] = [];
  let left = definition.datasets;
  for (;;) {
    const placed = new Set(sorted.map((dataset) => dataset.table));
    const ready = left.find((dataset) => parentsOf(dataset).every((table) => placed.has(table)));
    if (ready === undefined) return { sorted, left };
    sorted.push(ready);
    left = left.filter((dataset) => dataset !== ready);
  }
}

function toFeed(definition: Definition, hash: string): Feed {
  const { format } = definition;
  return {
    name: definition.feed,
    hash,
    prefix: definition.files.prefix,
    extension: definition.files.extension,
    datasets: sortParentsFirst(definition).sorted.map(toDataset),
    format: {
      delimiter: format.delimiter ?? null,
      quote: format.quote ?? null,
      escape: format.escape ?? null,
      encoding: format.encoding ?? null,
      header: format.header,
      dateOrder: format.date_order,
      thousandsSeparator: format.thousands_separator,
      nulls: format.nulls.map((word) => word.trim()),
    },
    maxBadRows: definition.max_bad_rows,
  };
}

function toDataset(dataset: DatasetDefinition): Dataset {
  const columns = dataset.columns.map((column, index): Column => ({
    ...column,
    required: column.required || index === 0,
    references: column.references ?? null,
  }));
  const key = columns[0];
  if (key === undefined) throw new LandfallError(OPERATION, `${dataset.name} has no column`);
  return { name: dataset.name, table: dataset.table, key, columns };
}
