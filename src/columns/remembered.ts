/** Values come again in a file, those of a patient with each visit. */
const MOST_REMEMBERED = 4096;

/** A function that remembers what it gave for the last few thousand texts, for one that takes many times what a look into a map does. */
export function remembered<Result>(make: (text: string) => Result): (text: string) => Result {
  const results = new Map<string, Result>();
  return (text) => {
    const known = results.get(text);
    if (known !== undefined) return known;
    const result = make(text);
    if (results.size >= MOST_REMEMBERED) results.clear();
    results.set(text, result);
    return result;
  };
}
