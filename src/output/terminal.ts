import type { Output } from '../system/io.ts';

/**
 * What could move the cursor, recolour, reorder or fake a line: C0, DEL and C1 controls, line and paragraph separators,
 * and the marks that turn the direction of writing.
 */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The same, but for line ends and tabs. */
const UNPRINTABLE_BUT_ENDS = /(?!\r\n|[\n\t])[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Makes a name or a value safe to print: unprintable characters as `\n`, `\t`, `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** What of it may stand in JSON as it is, between quotes. */
const UNPRINTABLE_IN_JSON = /[\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Makes JSON safe to print, which stays the same JSON: unprintable characters as `\u009b`. */
export function printableJson(json: string): string {
  return json.replace(
    UNPRINTABLE_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** An output for what has line ends of its own, such as CSV: on a terminal all else that is unprintable is escaped. */
export function plainOutput(output: Output): Output {
  if (!output.isTTY) return output;
  return {
    ...output,
    write: (text, taken) => {
      output.write(text.replace(UNPRINTABLE_BUT_ENDS, escaped), taken);
    },
  };
}

const ESCAPES = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** Remembered: there are a few dozen, and a value may hold a million. */
function escaped(character: string): string {
  let escape = ESCAPES.get(character);
  if (escape === undefined) {
    const code = character.charCodeAt(0).toString(16);
    escape = code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
    ESCAPES.set(character, escape);
  }
  return escape;
}

/** Empties the last line of a terminal, to be written anew. */
export const CLEAR_LINE = '\r\u001b[K';

const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof COLOURS;

/** Text in a colour, where the output takes any. The text must be printable. */
export function paint(output: Output, colour: Colour, text: string): string {
  return output.colour ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}
