/** A number as people read it, its thousands apart: `1,500,000`. */
export function grouped(count: number): string {
  return count.toLocaleString('en');
}

/** `1 row`, `2 rows`, `3 empty files or unfinished uploads` */
export function counted(count: number, words: string): string {
  return count === 1
    ? `1 ${words}`
    : `${grouped(count)} ${words
        .split(' or ')
        .map((word) => `${word}s`)
        .join(' or ')}`;
}
