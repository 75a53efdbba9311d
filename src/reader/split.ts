/** What separates and quotes fields: the part of a dialect that splitting needs. */
export interface Syntax {
  readonly delimiter: string;
  readonly quote: '"' | "'";
  readonly escape: 'double' | 'backslash';
  /** A quote that does not close within so many characters does not close. */
  readonly longestQuoted: number;
}

/**
 * A text split into fields, unquoted and unescaped.
 * - `none`: well formed.
 * - `open`: the last field opens a quote that does not close; `openAt` is where.
 * - `after`: text follows the closing quote of a field.
 */
export interface Split {
  readonly fields: string[];
  readonly problem: 'none' | 'open' | 'after';
  readonly openAt: number;
}

/**
 * Splits one record (without its line end). A quote is special only at the start of a field.
 * @param fields where the fields go; with `from`, splitting resumes behind those that are there already
 * @param most what comes behind so many fields is one more, not split: a line of megabytes may have millions
 */
export function splitRecord(record: string, syntax: Syntax, most: number, fields: string[] = [], from = 0): Split {
  const { delimiter } = syntax;
  const quoteCode = syntax.quote.charCodeAt(0);
  let problem: Split['problem'] = 'none';
  for (let at = from; ;) {
    if (fields.length >= most) {
      fields.push(record.slice(at));
      return { fields, problem, openAt: -1 };
    }
    let end: number;
    if (record.charCodeAt(at) === quoteCode) {
      const close = findClose(record, at + 1, syntax);
      if (close === -1) {
        fields.push(record.slice(at + 1));
        return { fields, problem: 'open', openAt: at };
      }
      const value = unescape(record.slice(at + 1, close), syntax);
      end = record.indexOf(delimiter, close + 1);
      const rest = record.slice(close + 1, end === -1 ? record.length : end);
      if (rest !== '') problem = 'after';
      fields.push(value + rest);
    } else {
      end = record.indexOf(delimiter, at);
      fields.push(record.slice(at, end === -1 ? record.length : end));
    }
    if (end === -1) return { fields, problem, openAt: -1 };
    at = end + delimiter.length;
  }
}

/** Where the quoted field whose text begins at `from` closes, or -1. */
export function findClose(text: string, from: number, syntax: Syntax): number {
  const { quote } = syntax;
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 1)) {
    if (syntax.escape === 'backslash' && escaped(text, from, at)) continue;
    // A doubled quote is never anything else, so it is taken in both dialects.
    if (text[at + 1] !== quote) return at - from <= syntax.longestQuoted ? at : -1;
    at++;
  }
  return -1;
}

/** Whether an odd number of backslashes stands before `at`. */
function escaped(text: string, from: number, at: number): boolean {
  let back = at;
  while (back > from && text[back - 1] === '\\') back--;
  return (at - back) % 2 === 1;
}

function unescape(value: string, { quote, escape }: Syntax): string {
  if (escape === 'backslash' && value.includes('\\')) {
    return value.replace(ESCAPED[quote], (pair) => pair.slice(1));
  }
  return value.includes(quote) ? value.replaceAll(quote + quote, quote) : value;
}

/** What is unescaped where the escape is a backslash; a backslash before anything else is text. */
const ESCAPED = { '"': /\\["\\]|""/g, "'": /\\['\\]|''/g } as const;

/** Whether a line's fields hold nothing but white space, a byte order mark (files put together) or the end mark of DOS. */
export function isBlank(fields: readonly string[]): boolean {
  return fields.every((field) => field === '' || field.replaceAll('\u001a', '').trim() === '');
}
