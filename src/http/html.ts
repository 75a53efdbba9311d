import { printable } from '../output/terminal.ts';

/** Text that is HTML already. Only `html` makes it. */
export class Html {
  readonly text: string;

  /** @param text well-formed HTML, all that came from outside escaped */
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: text is escaped, nothing stands for null, the parts of a list stand one after the other. */
export type Fragment = Html | string | number | null | readonly Fragment[];

/**
 * Makes HTML of a template: html`<b>${name}</b>`. What is put in is escaped for text and quoted attributes (never put it in a tag's
 * name, an unquoted attribute or a script), and its control characters and marks of direction are made visible.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Fragment[]): Html {
  return new Html(strings.map((text, at) => text + render(values[at] ?? null)).join(''));
}

function render(value: Fragment): string {
  if (value === null) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return escape(printable(value));
  return value.map(render).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
