import { z } from 'zod';

/**
 * `landing`: the folder; `watch`: it cannot be watched; `file`: one file; `database`; `archive`: no copy can be made; `worker`: the
 * process that takes files, which an earlier version called `loader`; `http`: the page is not served;
 * `alerts`: a receiver takes none; `receipts`: none can be written.
 */
export const FAULT_KINDS = [
  'landing',
  'watch',
  'file',
  'database',
  'archive',
  'worker',
  'http',
  'alerts',
  'receipts',
] as const;

const faultSchema = z.object({
  kind: z.preprocess((kind) => (kind === 'loader' ? 'worker' : kind), z.enum(FAULT_KINDS)),
  /** The file's name, where it is one file's fault. */
  file: z.string().nullable(),
  /** One clause, no value from a row. */
  problem: z.string(),
  /** ISO 8601, UTC. */
  since: z.string(),
});

/** Something that is wrong and is tried again until it is over. */
export type Fault = Readonly<z.infer<typeof faultSchema>>;

/** What the heartbeat of an older version lacks. */
const later = z.number().default(0);

export const workSchema = z.object({
  /** `listing`: a landing folder that takes long to list; `emptying`: the write-ahead log, into the database. */
  doing: z.enum([
    'starting',
    'idle',
    'listing',
    'ingesting',
    'archiving',
    'emptying',
    'waiting',
    'stopping',
    'stopped',
  ]),
  /** The file in hand. */
  file: z
    .object({
      name: z.string(),
      phase: z.enum(['hashing', 'reading', 'checking', 'healing']),
      rows: z.number(),
      bytesRead: z.number(),
      bytesTotal: z.number(),
    })
    .nullable(),
  /** Files that are ready and not yet taken. */
  due: z.number(),
  /** Files that have not stood still for long enough. */
  settling: z.number(),
  /** Files that wait for a parent's file that is still being written. */
  awaitingParent: z.number(),
  /** Since the worker started. */
  taken: z.object({
    files: z.number(),
    quarantined: z.number(),
    /** Rows read, and what became of them. */
    rows: z.number(),
    inserted: later,
    updated: later,
    unchanged: later,
    stale: later,
    waiting: later,
    /** Rows refused for good, with those of earlier files. */
    rejectedRows: z.number(),
  }),
  /** The write-ahead log when it was last looked at; `pinned`: a program that reads keeps it from being emptied. */
  wal: z.object({ bytes: z.number(), pinned: z.boolean() }),
  faults: z.array(faultSchema),
});

/** What the worker is doing, and how far it is. */
export type Work = Readonly<z.infer<typeof workSchema>>;

/** Whether a worker that does this has no work at the moment. */
export function isAtRest(doing: Work['doing']): boolean {
  return doing === 'idle' || doing === 'waiting';
}

/** How much of the file in hand was read, in whole percent. */
export function percentRead(file: { readonly bytesRead: number; readonly bytesTotal: number }): number {
  return file.bytesTotal === 0 ? 100 : Math.floor((file.bytesRead * 100) / file.bytesTotal);
}

/** What is done with the file in hand, and how far: `checking 57 %`, `loading 1 %`, `running checks`, `healing`. A file is read twice. */
export function stepOf(file: NonNullable<Work['file']>): string {
  if (file.phase === 'healing') return 'healing';
  if (file.phase === 'checking') return 'running checks';
  return `${file.phase === 'hashing' ? 'checking' : 'loading'} ${percentRead(file)} %`;
}

/** What a worker is doing before it has said anything. */
export const STARTING: Work = {
  doing: 'starting',
  file: null,
  due: 0,
  settling: 0,
  awaitingParent: 0,
  taken: {
    ...{ files: 0, quarantined: 0, rows: 0, inserted: 0, updated: 0 },
    ...{ unchanged: 0, stale: 0, waiting: 0, rejectedRows: 0 },
  },
  wal: { bytes: 0, pinned: false },
  faults: [],
};
