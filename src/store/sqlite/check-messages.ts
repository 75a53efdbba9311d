import { z } from 'zod';

/** What the process that runs checks is told; it answers each message with one of its own, in order. */
export type ToChecker =
  /** Begins with no rows. */
  | { readonly kind: 'begin'; readonly create: string }
  /** Adds rows to those that checks see. */
  | { readonly kind: 'rows'; readonly insert: string; readonly rows: Uint8Array }
  /** Runs a query on these rows, or on a database. */
  | { readonly kind: 'run'; readonly sql: string; readonly database: string | null };

/** The answer: `rows` and `lines` of a query, or the code of SQLite's error. Neither holds a value of a row. */
export const fromCheckerSchema = z.object({
  rows: z.number().default(0),
  lines: z.array(z.number()).default([]),
  failure: z.string().nullable().default(null),
});
export type FromChecker = z.output<typeof fromCheckerSchema>;
