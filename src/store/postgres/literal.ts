import pg from 'pg';

/** A text as SQL. */
export function literal(text: string): string {
  return pg.escapeLiteral(text);
}
