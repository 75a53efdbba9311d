import type { ClientBase } from 'pg';
import { z } from 'zod';
import type { KeptProtection } from '../../model/ledger.ts';

const columnsSchema = z.record(z.string(), z.string());

interface Row {
  readonly dataset: string;
  readonly fingerprint: string | null;
  readonly columns: string | null;
}

/** As `Store.protections`. */
export async function protections(client: ClientBase): Promise<ReadonlyMap<string, KeptProtection>> {
  const { rows } = await client.query<Row>(
    `SELECT dataset, p.fingerprint, p.columns FROM (SELECT dataset FROM checkpoints UNION SELECT dataset FROM protections) d
     LEFT JOIN protections p USING (dataset)`,
  );
  return new Map(
    rows.map(({ dataset, fingerprint, columns }) => [
      dataset,
      { fingerprint, columns: columnsSchema.parse(JSON.parse(columns ?? '{}')) },
    ]),
  );
}

/** As `Store.keepProtections`, inside a transaction that the caller begins and ends. */
export async function keepProtections(client: ClientBase, kept: ReadonlyMap<string, KeptProtection>): Promise<void> {
  for (const [dataset, { fingerprint, columns }] of kept) {
    await client.query(
      `INSERT INTO protections (dataset, fingerprint, columns) VALUES ($1, $2, $3)
       ON CONFLICT (dataset) DO UPDATE SET fingerprint = excluded.fingerprint, columns = excluded.columns`,
      [dataset, fingerprint, JSON.stringify(columns)],
    );
  }
}
