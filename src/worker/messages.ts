import { z } from 'zod';
import { areSettings, type Settings } from '../settings/settings.ts';
import { workSchema } from '../model/work.ts';

/** What a worker is to do, by the command it does it for. */
const jobSchema = z.discriminatedUnion('verb', [
  z.object({ verb: z.literal('run') }),
  z.object({ verb: z.literal('once') }),
  z.object({ verb: z.literal('retry'), names: z.array(z.string()) }),
  z.object({ verb: z.literal('refill'), archives: z.array(z.string()) }),
]);
export type Job = Readonly<z.infer<typeof jobSchema>>;

/** What the supervisor says to the worker. */
export const toWorkerSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('start'),
    job: jobSchema,
    settings: z.custom<Settings>(areSettings),
    supervisorPid: z.number(),
    /** What the supervisor knows of how the worker before it has ended. */
    before: z.object({ crashed: z.boolean(), cutShortAt: z.string().nullable() }),
  }),
  z.object({ kind: z.literal('poke') }),
  /** Commit the file in hand if that takes under `graceMs`, else give it up; then end. */
  z.object({ kind: z.literal('stop'), graceMs: z.number() }),
  z.object({ kind: z.literal('ping') }),
]);
export type ToWorker = z.infer<typeof toWorkerSchema>;

/** What the worker says to the supervisor. */
export const fromWorkerSchema = z.discriminatedUnion('kind', [
  /** It runs and can be given its settings. */
  z.object({ kind: z.literal('born') }),
  /** Nothing that is not ours lies at the path of the database: something may be written beside it. */
  z.object({ kind: z.literal('found') }),
  /** It holds the writer's lock. */
  z.object({ kind: z.literal('owner') }),
  /** The database is open. */
  z.object({ kind: z.literal('ready') }),
  /** The folders in the landing folder that are to be watched as well. */
  z.object({ kind: z.literal('folders'), folders: z.array(z.string()) }),
  z.object({ kind: z.literal('work'), work: workSchema }),
  z.object({ kind: z.literal('pong') }),
  /** It ends by itself, and starting it again would not help. `problem`: why, for a person; null where it has said so itself. */
  z.object({ kind: z.literal('done'), exitCode: z.number(), problem: z.string().nullable() }),
]);
export type FromWorker = z.infer<typeof fromWorkerSchema>;
