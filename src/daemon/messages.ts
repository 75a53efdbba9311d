import { z } from 'zod';
import type { Settings } from '../settings.ts';
import { workSchema } from './alive.ts';

/** The keeper has read and checked them: this only says that they came across whole. */
const settingsSchema: z.ZodType<Settings> = z.object({
  landing: z.string(),
  db: z.string(),
  feed: z.string(),
  settleMs: z.number(),
  rescan: z.string(),
  after: z.enum(['keep', 'archive']),
  archiveAfterMs: z.number(),
  archiveDir: z.string().nullable(),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  logFormat: z.enum(['auto', 'json', 'pretty']),
  cacheMib: z.number(),
});

/** What the keeper says to the loader. */
export const toLoaderSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('start'),
    settings: settingsSchema,
    keeperPid: z.number(),
    /** The loader before was killed on purpose: its open attempts are no deaths. */
    forgive: z.boolean(),
  }),
  z.object({ kind: z.literal('poke') }),
  /** Commit the file in hand if that takes under `graceMs`, else give it up; then end. */
  z.object({ kind: z.literal('stop'), graceMs: z.number() }),
  z.object({ kind: z.literal('ping') }),
]);
export type ToLoader = z.infer<typeof toLoaderSchema>;

/** What the loader says to the keeper. */
export const fromLoaderSchema = z.discriminatedUnion('kind', [
  /** It runs and can be given its settings. */
  z.object({ kind: z.literal('born') }),
  /** It holds the writer's lock. */
  z.object({ kind: z.literal('owner') }),
  /** The database is open. */
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('work'), work: workSchema }),
  z.object({ kind: z.literal('pong') }),
  /** It ends, and starting it again would not help. The message is for a person. */
  z.object({ kind: z.literal('fatal'), message: z.string(), exitCode: z.number() }),
]);
export type FromLoader = z.infer<typeof fromLoaderSchema>;
