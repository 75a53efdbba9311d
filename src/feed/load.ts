import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { LandfallError } from '../model/errors.ts';
import { ANY_FORMAT, type Column, type Dataset, type Feed, type FeedFormat, type Naming } from '../model/feed.ts';
import { systemCode } from '../system/system-error.ts';
import { findContradictions, keyNamesOf, sortParentsFirst, spell } from './contradictions.ts';
import { environmentsIn, fillIn, readEnvironment, valueOf, type EnvironmentValues } from './environment.ts';
import { compilePattern } from './file-pattern.ts';
import type { Path, Problem } from './problem.ts';
import { checkFileProblems } from './check-files.ts';
import { definitionSchema, soundParts, type DatasetDefinition, type Definition } from './schema.ts';
import { readCheckTexts } from './sql-files.ts';
import { applyOverlay, protectionsOf } from './protect.ts';
import { rulesOf } from './rules.ts';
import { shapeProblems } from './shape-problems.ts';
import { parametersOf } from './type-parameters.ts';

const OPERATION = 'read feed definition';

/** What a feed's folder calls its definition. */
const DEFINITION = 'feed.yaml';

/**
 * Reads and checks a feed: a folder with a definition, `feed.yaml`, and what belongs to it.
 *
 * @param given the folder, or the definition in it
 * @param environment the name of one of its environments, whose values stand for `${name}`; null: there are none
 * @returns the feed, its datasets sorted so that parents come before children
 * @throws LandfallError naming every problem with its line and its path in the file
 */
export function loadFeed(given: string, environment: string | null = null): Feed {
  const file = isFolder(given) ? path.join(given, DEFINITION) : given;
  const folder = path.dirname(file);
  const bytes = readBytes(file);
  const { values, protect } = readEnvironment(folder, environment);
  const lines = new LineCounter();
  const document = parseDocument(decode(bytes, file), { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    // What follows from the first error of a line says no more.
    const byLine = new Map(document.errors.toReversed().map((error) => [lines.linePos(error.pos[0]).line, error]));
    const inOrder = [...byLine].toSorted(([a], [b]) => a - b);
    throw faulty(
      file,
      inOrder.map(([line, error]) => `line ${line}: ${error.message}`),
    );
  }

  const unfilled = fillInDocument(document, values, folder);
  const data = toData(document, file);
  const parsed = definitionSchema.safeParse(data);
  const misplaced = parsed.success ? applyOverlay(parsed.data.datasets, protect) : [];
  const checks = readCheckTexts(folder);
  const isNews = ({ path }: Problem): boolean => !unfilled.some((one) => spell(one.path) === spell(path));
  const problems = [
    ...unfilled,
    ...misplaced,
    ...(parsed.success ? checkFileProblems(parsed.data.datasets, checks) : []),
    ...(parsed.success ? [] : shapeProblems(parsed.error.issues, document).filter(isNews)),
    ...(parsed.success
      ? findContradictions(parsed.data, formatOf(parsed.data))
      : findContradictions(soundParts(data), ANY_FORMAT)),
  ];
  if (!parsed.success || problems.length > 0) throw faulty(file, inOrder(problems, document, lines));
  return toFeed(parsed.data, { folder, values, hash: hashOf(bytes, checks, { ...values, ...protect }) });
}

function isFolder(given: string): boolean {
  try {
    return statSync(given).isDirectory();
  } catch {
    // Whatever is wrong with it, reading it will say so.
    return false;
  }
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new LandfallError(OPERATION, `it cannot be read (${systemCode(cause) ?? 'unknown'})`, {
      file,
      hint: 'name another with --feed',
      cause,
    });
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LandfallError(OPERATION, 'it is not UTF-8 text', { file, cause });
  }
}

/** Puts values for variables, and tells which there are none for. */
function fillInDocument(document: Document, values: EnvironmentValues, folder: string): readonly Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const { text, missing } = fillIn(node.value, values);
      node.value = valueOf(node.value, values) ?? text;
      for (const name of missing) {
        const problem = `the environment has no value for ${name}; name one that has it with --env (there ${environmentsIn(folder)})`;
        problems.push({ path: pathOf(ancestors, node, document), problem });
      }
    },
  });
  return problems;
}

/** Where a node stands, by the pairs and lists above it. */
function pathOf(ancestors: readonly unknown[], node: unknown, document: Document): Path {
  const steps: (string | number)[] = [];
  for (const [index, ancestor] of ancestors.entries()) {
    const below = ancestors[index + 1] ?? node;
    if (ancestor === document || typeof ancestor !== 'object' || ancestor === null) continue;
    if ('key' in ancestor) steps.push(isScalar(ancestor.key) ? String(ancestor.key.value) : '');
    else if ('items' in ancestor && Array.isArray(ancestor.items) && !isPair(below))
      steps.push(ancestor.items.indexOf(below));
  }
  return steps;
}

function isPair(node: unknown): boolean {
  return typeof node === 'object' && node !== null && 'key' in node;
}

/** @throws LandfallError where aliases would swell the document without bound */
function toData(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw faulty(file, [cause instanceof Error ? cause.message : 'cannot be read as data']);
  }
}

function faulty(file: string, problems: readonly string[]): LandfallError {
  const [first, ...others] = problems;
  if (first !== undefined && others.length === 0) return new LandfallError(OPERATION, first, { file });
  const list = problems.map((problem) => `  ${problem}`).join('\n');
  return new LandfallError(OPERATION, `${problems.length} problems:\n${list}`, { file });
}

/** The problems with their places, from the top of the file to its end. */
function inOrder(problems: readonly Problem[], document: Document, lines: LineCounter): readonly string[] {
  return problems
    .map(({ path, problem }) => ({ line: lineOf(path, document, lines), text: `${spell(path)}: ${problem}` }))
    .sort((a, b) => a.line - b.line)
    .map(({ line, text }) => (line > 0 ? `line ${line}, ${text}` : text));
}

/** The line of the nearest thing that is there; 0: nothing is. */
function lineOf(path: Path, document: Document, lines: LineCounter): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (typeof node !== 'object' || node === null || !('range' in node)) continue;
    const start: unknown = Array.isArray(node.range) ? node.range[0] : undefined;
    if (typeof start === 'number') return lines.linePos(start).line;
  }
  return 0;
}

function hashOf(bytes: Uint8Array, checks: ReturnType<typeof readCheckTexts>, values: EnvironmentValues): string {
  const hash = createHash('sha256').update(bytes);
  // A file that a check holds is tried again when the check changes.
  for (const { name, text } of checks) hash.update(JSON.stringify([name, text]));
  if (Object.keys(values).length > 0) hash.update(JSON.stringify(values));
  return hash.digest('hex');
}

function toFeed(definition: Definition, place: Pick<Feed, 'folder' | 'values' | 'hash'>): Feed {
  const format = formatOf(definition);
  const { sorted } = sortParentsFirst(definition.datasets);
  const protectionOf = protectionsOf(sorted);
  return {
    name: definition.feed,
    ...place,
    naming: toNaming(definition),
    compressed: definition.files.compressed,
    datasets: sorted.map((dataset) => toDataset(dataset, format, protectionOf)),
    format,
    maxBadRows: definition.max_bad_rows,
  };
}

function toNaming({ files, datasets }: Definition): Naming {
  const { prefix = '', extension = '', pattern, compressed } = files;
  if (pattern === undefined) return { kind: 'prefix', prefix, extension };
  const names = datasets.map((dataset) => dataset.name);
  return { kind: 'pattern', pattern: compilePattern(pattern, names, compressed) };
}

function formatOf({ format }: Definition): FeedFormat {
  return {
    delimiter: format.delimiter ?? null,
    quote: format.quote ?? null,
    escape: format.escape ?? null,
    encoding: format.encoding ?? null,
    header: format.header,
    dateOrder: format.date_order,
    thousandsSeparator: format.thousands_separator,
    nulls: format.nulls.map((word) => word.trim()),
  };
}

function toDataset(
  dataset: DatasetDefinition,
  format: FeedFormat,
  protectionOf: ReturnType<typeof protectionsOf>,
): Dataset {
  const named = keyNamesOf(dataset);
  const isKey = ({ name }: { readonly name: string }, index: number): boolean =>
    named.length === 0 ? index === 0 : named.includes(name);
  const columns = dataset.columns.map((column, index): Column => ({
    ...column,
    required: column.required || isKey(column, index),
    references: column.references ?? null,
    parameters: parametersOf(column),
    protect: protectionOf(column),
    // What is wrong with them was told before.
    rules: rulesOf(column, dataset.columns, format, []).rules,
  }));
  const keys =
    named.length === 0 ? columns.slice(0, 1) : named.flatMap((name) => columns.filter((one) => one.name === name));
  const [key] = keys;
  if (key === undefined) throw new LandfallError(OPERATION, `${dataset.name} has no column`);
  const { name, table, expect = null, rows = null } = dataset;
  // Where one is interrupted, those that may hold a file have been run.
  const checks = dataset.checks.toSorted((a, b) => a.severity.localeCompare(b.severity));
  return { name, table, keys, key, columns, expect, rows, checks };
}
