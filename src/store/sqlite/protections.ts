import { z } from 'zod';
import type { KeptProtection } from '../../model/ledger.ts';
import { guardFaults } from './faults.ts';
import type { OpenDatabase } from './open.ts';
import { prepareOnce } from './prepare-once.ts';

const columnsSchema = z.record(z.string(), z.string());

interface Row {
  readonly dataset: string;
  readonly fingerprint: string | null;
  readonly columns: string | null;
}

/** As `Store.protections`. */
export function protections({ db, file }: OpenDatabase): ReadonlyMap<string, KeptProtection> {
  const rows = guardFaults('read ledger', file, () =>
    prepareOnce<[], Row>(
      db,
      `SELECT dataset, p.fingerprint, p.columns FROM (SELECT dataset FROM checkpoints UNION SELECT dataset FROM protections)
       LEFT JOIN protections p USING (dataset)`,
    ).all(),
  );
  return new Map(
    rows.map(({ dataset, fingerprint, columns }) => [
      dataset,
      { fingerprint, columns: columnsSchema.parse(JSON.parse(columns ?? '{}')) },
    ]),
  );
}

/** As `Store.keepProtections`. */
export function keepProtections({ db, file }: OpenDatabase, kept: ReadonlyMap<string, KeptProtection>): void {
  guardFaults('write ledger', file, () => {
    db.transaction(() => {
      const keep = prepareOnce(
        db,
        'INSERT OR REPLACE INTO protections (dataset, fingerprint, columns) VALUES (?, ?, ?)',
      );
      for (const [dataset, { fingerprint, columns }] of kept) keep.run(dataset, fingerprint, JSON.stringify(columns));
    }).immediate();
  });
}
