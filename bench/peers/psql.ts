/** What `psql` is told to load a file: \copy into a temporary table, and one INSERT … ON CONFLICT, with the same lineage. */
import type { TableFile } from '../contenders.ts';

/** The columns of each table, its key first; what a file has of them is named and typed as in the temporary table. */
const TABLES: Readonly<Record<TableFile['table'], readonly string[]>> = {
  procedures: [
    'procedure_id',
    'procedure_code',
    'code_system',
    'description',
    'standard_charge_cents',
    'effective_date',
  ],
  visits: [
    ...['visit_id', 'procedure_id', 'patient_id', 'patient_name', 'date_of_birth', 'patient_phone', 'patient_address'],
    ...['visit_type', 'visit_date', 'discharge_date', 'facility', 'provider', 'total_charge_cents', 'status'],
  ],
  transactions: [
    ...['transaction_id', 'visit_id', 'procedure_id', 'transaction_date', 'post_date', 'transaction_type'],
    ...['amount_cents', 'payer', 'description'],
  ],
};

function typeOf(column: string): string {
  if (column.endsWith('_cents')) return 'numeric';
  return column.includes('date') ? 'date' : 'text';
}

/**
 * The script that loads one file, in one transaction.
 * @param repeats the file may name a key more than once: of its rows the last one counts
 */
export function psqlScript({ table, path }: TableFile, repeats: boolean): string {
  const columns = TABLES[table];
  const typed = columns.map((column) => `${column} ${typeOf(column)}`);
  const taken = columns.map((column) => (column.endsWith('_cents') ? `(${column} * 100)::bigint` : column));
  const lineage = ['source_file_id', 'source_line', 'source_stamp'];
  const key = columns[0] ?? '';
  const changes = [...columns.slice(1), ...lineage].map((column) => `${column} = excluded.${column}`);
  return `BEGIN;
CREATE TEMPORARY TABLE stage (line bigint GENERATED ALWAYS AS IDENTITY (START 2), ${typed.join(', ')}) ON COMMIT DROP;
\\copy stage (${columns.join(', ')}) FROM '${path}' WITH (FORMAT csv, DELIMITER '|', HEADER true)
INSERT INTO ${table} (${[...columns, ...lineage].join(', ')})
  SELECT ${repeats ? `DISTINCT ON (${key}) ` : ''}${taken.join(', ')}, 1, line, '2025-06-01T00:00:00Z' FROM stage${repeats ? ` ORDER BY ${key}, line DESC` : ''}
  ON CONFLICT (${key}) DO UPDATE SET ${changes.join(', ')};
COMMIT;
`;
}
