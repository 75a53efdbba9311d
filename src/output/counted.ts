/** `1 row`, `2 rows`, `3 empty files or unfinished uploads` */
export function counted(count: number, words: string): string {
  return count === 1
    ? `1 ${words}`
    : `${count} ${words
        .split(' or ')
        .map((word) => `${word}s`)
        .join(' or ')}`;
}
