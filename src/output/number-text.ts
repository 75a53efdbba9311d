/** A number as text. `String` does the same, but V8 keeps thousands of its texts: 50 MB in a list of a million rows. */
export function numberText(value: number): string {
  return JSON.stringify(value);
}
