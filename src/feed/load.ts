import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { LandfallError } from '../model/errors.ts';
import { systemCode } from '../system/system-error.ts';
import { findContradictions, sortParentsFirst, spell, type Problem, type Path } from './contradictions.ts';
import { definitionSchema, type DatasetDefinition, type Definition } from './schema.ts';
import { parametersOf } from './type-parameters.ts';
import type { Column, Dataset, Feed } from '../model/feed.ts';

const OPERATION = 'read feed definition';

/**
 * Reads and checks a feed definition (YAML).
 *
 * @param path the file
 * @returns the feed, its datasets sorted so that parents come before children
 * @throws LandfallError naming every problem with its line and its path in the file
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
  const problems = parsed.success
    ? findContradictions(parsed.data)
    : parsed.error.issues.map((issue) => shapeProblem(issue, document));
  if (!parsed.success || problems.length > 0) {
    throw faulty(
      path,
      problems.map((problem) => `${place(problem.path, document, lines)}: ${problem.problem}`),
    );
  }
  return toFeed(parsed.data, createHash('sha256').update(bytes).digest('hex'));
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new LandfallError(OPERATION, `it cannot be read (${systemCode(cause) ?? 'unknown'})`, {
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
    throw new LandfallError(OPERATION, 'it is not UTF-8 text', { file: path, cause });
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

function faulty(file: string, problems: readonly string[]): LandfallError {
  const [first, ...others] = problems;
  if (first !== undefined && others.length === 0) return new LandfallError(OPERATION, first, { file });
  return new LandfallError(
    OPERATION,
    `${problems.length} problems:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    {
      file,
    },
  );
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

function shapeProblem(issue: z.core.$ZodIssue, document: Document): Problem {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return { path: [...path, issue.keys[0] ?? ''], problem: `is not known here (${issue.keys.join(', ')})` };
  }
  const found: unknown = document.getIn(path);
  if (found === undefined) return { path, problem: 'is missing' };
  const shown = typeof found === 'object' && found !== null ? '' : ` (it is ${JSON.stringify(found)})`;
  return { path, problem: `${issue.message}${shown}` };
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
    parameters: parametersOf(column),
  }));
  const key = columns[0];
  if (key === undefined) throw new LandfallError(OPERATION, `${dataset.name} has no column`);
  return { name: dataset.name, table: dataset.table, key, columns };
}
