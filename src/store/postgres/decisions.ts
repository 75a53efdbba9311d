import type { ClientBase } from 'pg';
import type { AcceptableCode } from '../../model/codes.ts';
import type { Decision } from '../../model/ledger.ts';
import type { FileEntry } from '../store.ts';

/** As `Store.decide`, inside a transaction that the caller begins and ends. */
export async function decide(client: ClientBase, decision: Decision, now: Date): Promise<void> {
  const { name, sha256, code, by, reason } = decision;
  const at = now.toISOString();
  await client.query(
    `INSERT INTO decisions (name, sha256, code, decided_by, reason, decided_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (name, sha256, code) DO UPDATE
     SET decided_by = excluded.decided_by, reason = excluded.reason, decided_at = excluded.decided_at`,
    [name, sha256, code, by, reason, at],
  );
  await client.query(
    `INSERT INTO retries (name, requested_at) SELECT name, $1 FROM files f WHERE name = $2 AND sha256 = $3
       AND state = 'quarantined' AND revision = (SELECT max(revision) FROM files l WHERE l.name = f.name)
     ON CONFLICT (name) DO UPDATE SET requested_at = excluded.requested_at`,
    [at, name, sha256],
  );
}

/** As `FileTransaction.isAccepted`. */
export async function isAccepted(
  client: ClientBase,
  { name, sha256 }: FileEntry,
  code: AcceptableCode,
): Promise<boolean> {
  const { rowCount } = await client.query('SELECT 1 FROM decisions WHERE name = $1 AND sha256 = $2 AND code = $3', [
    name,
    sha256,
    code,
  ]);
  return rowCount === 1;
}
