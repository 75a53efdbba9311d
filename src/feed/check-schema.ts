import { z } from 'zod';
import type { Check } from '../model/check.ts';

const DEFAULT_LIMIT_MS = 60_000;
const UNIT_MS = { s: 1000, min: 60_000 } as const;
const LONGEST_MS = 30 * 60_000;

const TIME_LIMIT = 'must be a time such as 30s or 5min';

const timeLimit = z
  .string({ error: TIME_LIMIT })
  .regex(/^\d{1,4}(?:s|min)$/, TIME_LIMIT)
  .transform((text) => parseInt(text, 10) * UNIT_MS[text.replace(/^\d+/, '') as keyof typeof UNIT_MS])
  .refine((ms) => ms > 0 && ms <= LONGEST_MS, 'must be from 1s to 30min');

/** `checks` of a dataset. */
export const checksSchema = z.array(
  z
    .strictObject({
      name: z
        .string()
        .regex(/^[a-z][a-z0-9_]*$/, 'must be lower-case letters, digits and underscores, a letter first')
        .max(63, 'is longer than 63 characters'),
      on: z.enum(['incoming', 'tables'], 'must be incoming or tables').default('incoming'),
      severity: z.enum(['warn', 'quarantine'], 'must be warn or quarantine').optional(),
      time_limit: timeLimit.default(DEFAULT_LIMIT_MS),
    })
    .refine(({ on, severity }) => on === 'incoming' || severity !== 'quarantine', {
      path: ['severity'],
      message: 'can only be warn: what a check on the tables sees depends on what came before',
    })
    .transform(({ name, on, severity, time_limit }): Check => ({
      ...{ name, on, timeLimitMs: time_limit },
      severity: severity ?? (on === 'incoming' ? 'quarantine' : 'warn'),
    })),
);
