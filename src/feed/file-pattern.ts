import type { NamePattern } from '../model/feed.ts';
import { headerKey } from './header.ts';
import { UNDER_WAY } from './under-way.ts';

/** A piece of a pattern. */
type Piece =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'dataset' }
  | { readonly kind: 'part' }
  | { readonly kind: 'stamp'; readonly format: string };

const PLACEHOLDER = /\{([^{}]*)\}|([^{}]+)|([{}])/g;
const DEFAULT_FORMAT = 'YYYYMMDD_hhmmss';
const TOKEN = /YYYY|MM|DD|hh|mm|ss/g;
/** The units of a stamp, from the largest: none may stand without those before it. */
const UNITS = ['YYYY', 'MM', 'DD', 'hh', 'mm', 'ss'];
/** Letters, digits, marks and spaces; no backslash, no control characters. */
const LITERAL = /^[\p{L}\p{M}\p{N} _.,;+=@#()[\]~/-]+$/u;

/**
 * What is wrong with a pattern, one clause; null: nothing.
 * @param text e.g. `{dataset}/{dataset}_{stamp:YYYYMMDD}.csv`
 */
export function patternProblem(text: string): string | null {
  const example = 'expected for example {dataset}_{stamp:YYYYMMDD}.csv';
  const names = [...text.matchAll(PLACEHOLDER)];
  for (const [, placeholder, literal] of names) {
    if (placeholder === undefined && literal === undefined) return `holds a brace that does not pair; ${example}`;
    if (literal !== undefined && !LITERAL.test(literal))
      return `must be letters, digits and _ - . / beside {…}; ${example}`;
    if (placeholder === undefined || ['dataset', 'part', 'stamp'].includes(placeholder)) continue;
    if (!placeholder.startsWith('stamp:'))
      return `{${placeholder}} is not known: there are {dataset}, {stamp:…} and {part}`;
    const problem = formatProblem(placeholder.slice('stamp:'.length));
    if (problem !== null) return problem;
  }
  const pieces = piecesOf(text);
  for (const kind of ['stamp', 'part'] as const)
    if (pieces.filter((piece) => piece.kind === kind).length > 1) return `has {${kind}} more than once`;
  if (text.split('/').some((step) => step === '' || step.startsWith('.')))
    return 'must be a path below the landing folder, no part of it empty or with a dot in front';
  if (UNDER_WAY.test(text)) return 'ends as an upload under way does';
  return text.endsWith('.gz') ? 'must not end with .gz: say `compressed: true`, and both are taken' : null;
}

function formatProblem(format: string): string | null {
  const tokens = format.match(TOKEN) ?? [];
  const example = 'expected for example YYYYMMDD or YYYY-MM-DD_hhmmss';
  if (/[^_. T-]/.test(format.replace(TOKEN, ''))) return `the form of the stamp, ${format}, is not known; ${example}`;
  if (new Set(tokens).size < tokens.length) return `the stamp has a unit twice; ${example}`;
  if (tokens.length < 2 || UNITS.slice(0, tokens.length).some((unit) => !tokens.some((token) => token === unit)))
    return `the stamp lacks a unit: it has at least YYYY and MM, and none without the larger ones; ${example}`;
  return null;
}

/** @param text without a problem */
function piecesOf(text: string): readonly Piece[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, placeholder, literal]): Piece => {
    if (literal !== undefined) return { kind: 'literal', text: literal };
    if (placeholder === 'dataset' || placeholder === 'part') return { kind: placeholder };
    return { kind: 'stamp', format: placeholder?.split(':')[1] ?? DEFAULT_FORMAT };
  });
}

/** Whether a pattern says which dataset a file is of. */
export function namesDataset(text: string): boolean {
  return text.includes('{dataset}');
}

/**
 * Makes of a pattern what names are held against.
 * @param text without a problem
 * @param datasets the names of all
 * @param compressed whether names may also end with `.gz`
 */
export function compilePattern(text: string, datasets: readonly string[], compressed: boolean): NamePattern {
  const pieces = piecesOf(text);
  const stamp = pieces.find((piece) => piece.kind === 'stamp');
  const extension = /\.[A-Za-z0-9]+$/.exec(text)?.[0] ?? '';
  const end = compressed ? '(?:\\.gz)?' : '';
  const regex = (of: readonly Piece[], loose: readonly Piece['kind'][], tail: string, flags = 'u'): RegExp => {
    let before = false;
    const source = of.map((piece) => {
      const again = piece.kind === 'dataset' && before;
      before ||= piece.kind === 'dataset';
      return sourceOf(piece, datasets, loose.includes(piece.kind), again);
    });
    return new RegExp(`^${source.join('')}${tail}`, flags);
  };
  const exact = `${end}$`;
  const withoutExtension = pieces.map((piece, index) =>
    index === pieces.length - 1 && piece.kind === 'literal'
      ? { ...piece, text: piece.text.slice(0, piece.text.length - extension.length) }
      : piece,
  );
  return {
    text,
    extension,
    depth: text.split('/').length,
    stampFormat: stamp?.format ?? null,
    name: regex(pieces, [], exact),
    inAnyCase: regex(pieces, [], exact, 'iu'),
    withAnyStamp: regex(pieces, ['stamp'], exact),
    withAnyDataset: regex(pieces, ['dataset'], exact),
    withAnyExtension: regex(withoutExtension, [], '(?:\\.[^/]*)?$'),
    stems: datasets.map((dataset) => stemOf(pieces, dataset)).filter((stem) => stem.length > 1),
  };
}

function sourceOf(piece: Piece, datasets: readonly string[], loose: boolean, again: boolean): string {
  switch (piece.kind) {
    case 'literal':
      return escaped(piece.text);
    case 'part':
      return '[A-Za-z0-9_-]+';
    case 'dataset':
      if (loose) return '([^/]+?)';
      if (again) return '\\k<dataset>';
      return `(?<dataset>${[...datasets]
        .sort((a, b) => b.length - a.length)
        .map(escaped)
        .join('|')})`;
    case 'stamp':
      return loose ? '[^/]*?' : escaped(piece.format).replace(TOKEN, (unit) => `(?<${unit}>\\d{${unit.length}})`);
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** What a name of a dataset has before its stamp, in letters and digits: by it a name that is not taken comes near. */
function stemOf(pieces: readonly Piece[], dataset: string): string {
  const said = pieces.map((piece) =>
    piece.kind === 'literal' ? piece.text : piece.kind === 'dataset' ? dataset : '\0',
  );
  const last = said.join('').split('/').at(-1) ?? '';
  return headerKey(last.replace(/\.[A-Za-z0-9]+$/, '').split('\0')[0] ?? '');
}
