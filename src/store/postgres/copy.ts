import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/**
 * Copies rows into a table; ends when the database has taken them.
 * @param target the table and its columns, e.g. `rejects (file_id, line)`
 * @param rows in the text format of COPY
 */
export async function copyInto(client: ClientBase, target: string, rows: Uint8Array | string): Promise<void> {
  if (rows.length === 0) return;
  await pipeline([rows], client.query(copyFrom(`COPY ${target} FROM STDIN`)));
}

/** Bytes as the text format of COPY takes a bytea. */
export function copyBytes(bytes: string | Uint8Array): string {
  return `\\\\x${Buffer.from(bytes).toString('hex')}`;
}
