import { z } from 'zod';
import type { DataStatus } from '../status/data-status.ts';
import type { DatabaseSize, DatabaseStatus, FileRow, LedgerOverview, RejectRow } from '../store/reader.ts';
import type { DataConditions } from './data-conditions.ts';

const place = z.object({ line: z.number(), reject_id: z.number() });

/** What the supervisor asks of its reading process, one question after the other. */
const questionSchema = z.discriminatedUnion('kind', [
  /** How things stand by the database; `since`: the first day that is told by itself, `YYYY-MM-DD`, UTC; `now`: ISO 8601, UTC. */
  z.object({ kind: z.literal('findings'), since: z.string(), now: z.string() }),
  /** What needs someone by the data, for alerts; `holder`: who would tell them; `now`: ISO 8601, UTC. */
  z.object({ kind: z.literal('conditions'), holder: z.string(), now: z.string() }),
  /** A page of the ledger behind an entry. */
  z.object({
    kind: z.literal('files'),
    before: z.number().nullable(),
    state: z.string().nullable(),
    name: z.string().nullable(),
  }),
  /** A file with a page of its rejects. */
  z.object({ kind: z.literal('file'), fileId: z.number(), after: place.nullable() }),
]);
export type Question = Readonly<z.infer<typeof questionSchema>>;

/** What the reading process is told first, and then each question under its number. */
export const toReaderSchema = z.union([
  z.object({
    db: z.string(),
    feed: z.string(),
    env: z.string().nullable(),
    landing: z.string(),
    alertRejected: z.number(),
  }),
  z.object({ id: z.number(), question: questionSchema }),
]);
export type ToReader = z.infer<typeof toReaderSchema>;

/** An answer, under the number of its question; or why there is none. It comes from this very program, so what it holds is trusted. */
export const fromReaderSchema = z.object({ id: z.number(), answer: z.unknown(), problem: z.string().nullable() });
export type FromReader = z.infer<typeof fromReaderSchema>;

/** A file of the ledger as it is shown: without the header cells that no column takes, which may be values (P8). */
export type ShownFile = Omit<FileRow, 'extra' | 'dialect'>;

/** How the database stands. */
export interface Findings {
  /** The feed's name. */
  readonly feed: string;
  readonly status: DatabaseStatus;
  readonly overview: LedgerOverview;
  readonly size: DatabaseSize;
  /** What was expected and what came. */
  readonly data: DataStatus;
  /** The newest entries of the ledger. */
  readonly newest: readonly ShownFile[];
  /** Of the quarantined files listed in the status, those that are still in the landing folder. */
  readonly inLanding: readonly string[];
  /** How long it took to find out, in ms. */
  readonly ms: number;
}

/** A page of the ledger, newest first. */
export interface FilesPage {
  readonly files: readonly ShownFile[];
  /** Whether there are older ones. */
  readonly more: boolean;
}

/** A file with a page of its rejects, in line order. */
export interface FilePage {
  readonly file: ShownFile;
  /** All revisions of its name, newest first, at most `MOST_REVISIONS`. */
  readonly revisions: readonly ShownFile[];
  readonly rejects: readonly RejectRow[];
  readonly more: boolean;
}

/** What is answered to each kind of question; null: there is no such file. */
export interface Answers {
  readonly conditions: DataConditions;
  readonly findings: Findings;
  readonly files: FilesPage;
  readonly file: FilePage | null;
}

/** Asks the database. Rejects with a LandfallError where it cannot be asked. */
export type Ask = <Kind extends Question['kind']>(
  question: Extract<Question, { kind: Kind }>,
) => Promise<Answers[Kind]>;
