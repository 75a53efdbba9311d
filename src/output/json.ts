import { printableJson } from './terminal.ts';

const STEP = '  ';

/** A value as JSON, which moves no cursor where it is printed. */
export function toJson(value: unknown, step = ''): string {
  return printableJson(JSON.stringify(value, null, step));
}

/** A list that is written as it comes; an array is not one. */
type Streamed = Iterable<unknown> | AsyncIterable<unknown>;

/**
 * JSON as text, piece by piece, so that a long list is never held whole. An iterable that is no array (a generator, `mapped`) is
 * written as a list, an element a line, as it comes; all else as `toJson` does, indented.
 * @param value may hold such iterables: itself one, in an object, or in an object that is an element of one
 */
export async function* jsonText(value: unknown): AsyncGenerator<string, void> {
  yield* pieces(value, '', true);
  yield '\n';
}

/** An element of a list, on a line of its own, but for the lists that it holds; see `jsonText`. */
export function jsonElement(value: unknown): AsyncGenerator<string, void> {
  return pieces(value, STEP, false);
}

/** A list's elements, each turned into another as it comes. */
export async function* mapped<From, To>(list: AsyncIterable<From>, turn: (item: From) => To): AsyncGenerator<To, void> {
  for await (const item of list) yield turn(item);
}

/**
 * @param indent stands before each line but the first
 * @param wide a field a line; else all in one
 */
async function* pieces(value: unknown, indent: string, wide: boolean): AsyncGenerator<string, void> {
  const inner = indent + STEP;
  if (isStreamed(value)) {
    let before = '[';
    for await (const item of value) {
      const lead = `${before}\n${inner}`;
      if (holdsStreamed(item)) {
        yield lead;
        yield* pieces(item, inner, false);
      } else yield lead + toJson(item);
      before = ',';
    }
    yield before === '[' ? '[]' : `\n${indent}]`;
  } else if (isObject(value) && (wide || holdsStreamed(value))) {
    let before = '{';
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined) continue;
      yield before + (wide ? `\n${inner}${toJson(key)}: ` : `${toJson(key)}:`);
      yield* pieces(item, wide ? inner : indent, wide);
      before = ',';
    }
    if (before === '{') yield '{}';
    else yield wide ? `\n${indent}}` : '}';
  } else {
    yield wide ? toJson(value, STEP).replaceAll('\n', `\n${indent}`) : toJson(value);
  }
}

function holdsStreamed(value: unknown): boolean {
  return isStreamed(value) || (isObject(value) && Object.values(value).some(isStreamed));
}

function isStreamed(value: unknown): value is Streamed {
  return isObject(value) && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
