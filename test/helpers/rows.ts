import type { IngestOutcome } from '../../src/model/ingest.ts';
import type { Row } from './feed-files.ts';

/** The smallest good rows of each dataset, for tests in which only keys and references matter. */

export function procedure(id: string, description = 'first'): Row {
  return { ProcedureID: id, ProcedureCode: 'C1', Description: description };
}

export function visit(id: string, procedureId: string, changes: Row = {}): Row {
  return { VisitID: id, ProcedureID: procedureId, PatientID: 'M1', VisitDate: '2026-08-01', ...changes };
}

export function transaction(id: string, visitId: string, changes: Row = {}): Row {
  return {
    TransactionID: id,
    VisitID: visitId,
    TransactionDate: '2026-08-01',
    TransactionType: 'Charge',
    Amount: '10.00',
    ...changes,
  };
}

/** The counts of an ingested file that are not nought. */
export function counts(outcome: IngestOutcome): Record<string, number> {
  if (outcome.kind !== 'ingested') throw new Error(`not ingested but ${JSON.stringify(outcome)}`);
  return Object.fromEntries(Object.entries(outcome.counts).filter(([, rows]) => rows > 0));
}
