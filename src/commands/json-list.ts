import type { Output } from '../io.ts';

/** Writes a JSON array an element at a time, a line each, so that a long list is never held whole. */
export function writeJsonList<T>(output: Output, items: Iterable<T>, toJson: (item: T) => object): void {
  let before = '[';
  for (const item of items) {
    output.write(`${before}\n  ${JSON.stringify(toJson(item))}`);
    before = ',';
  }
  output.write(before === '[' ? '[]\n' : '\n]\n');
}
