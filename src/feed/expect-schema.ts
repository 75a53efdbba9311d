import { z } from 'zod';
import type { Expectation, VolumeRule } from '../model/expectation.ts';

/** What a feed says of when a dataset's files are expected and how large they are: `expect` and `rows`. */

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
const UNIT_MS = { min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const by = z
  .string({ error: "must be a time of day in quotes, such as '06:00'" })
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day such as '06:00'")
  .transform((text) => ({ hours: Number(text.slice(0, 2)), minutes: Number(text.slice(3)) }));

const zone = z.string().refine(isZone, 'must be a time zone such as America/Chicago, or UTC');

const grace = z
  .string({ error: 'must be a time such as 2h, 30min or 1d' })
  .regex(/^\d{1,4}(?:min|m|h|d)$/, 'must be a time such as 2h, 30min or 1d')
  .transform((text) => parseInt(text, 10) * UNIT_MS[text.replace(/^\d+/, '') as keyof typeof UNIT_MS]);

const EXCEPTION = 'must be weekends, or a day such as 2026-12-25';
const exception = z.union([z.literal('weekends'), z.iso.date(EXCEPTION)], EXCEPTION);

const share = z
  .string({ error: 'must be a share such as 60%' })
  .regex(/^\d{1,4}(?:\.\d+)?%$/, 'must be a share such as 60%')
  .transform((text) => parseFloat(text) / 100);

/** `expect` of a dataset. */
export const expectSchema = z
  .strictObject({
    every: z.enum(['day', 'week', 'month'], 'must be day, week or month'),
    on: z
      .union([z.enum(WEEKDAYS), z.int().min(1).max(31)], 'must be a weekday such as friday, or a day of the month')
      .optional(),
    by,
    zone: zone.default('UTC'),
    days_later: z.int('must be a whole number').min(0, 'must be 0 or more').max(366, 'must be at most 366').default(0),
    grace: grace.default(0),
    stamps: z.enum(['utc', 'zone'], 'must be utc or zone').default('utc'),
    except: z.array(exception).default([]),
  })
  .superRefine(({ every, on }, context) => {
    const problem = onProblem(every, on);
    if (problem !== null) context.addIssue({ code: 'custom', path: ['on'], message: problem });
  })
  .transform((given): Expectation => ({
    every: given.every,
    on: dayOfUnit(given),
    by: given.by,
    daysLater: given.days_later,
    graceMs: given.grace,
    zone: given.zone,
    stamps: given.stamps,
    except: {
      weekends: given.except.includes('weekends'),
      dates: given.except.filter((one) => one !== 'weekends'),
    },
  }));

/** `rows` of a dataset. */
export const rowsSchema = z
  .strictObject({
    min: z.int('must be a whole number').min(1, 'must be 1 or more').optional(),
    change: share.optional(),
    severity: z.enum(['warn', 'quarantine'], 'must be warn or quarantine').default('warn'),
  })
  .refine(({ min, change }) => min !== undefined || change !== undefined, 'must have min, change or both')
  .transform((given): VolumeRule => ({
    min: given.min ?? null,
    change: given.change ?? null,
    severity: given.severity,
  }));

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

type Unit = Expectation['every'];
type On = (typeof WEEKDAYS)[number] | number | undefined;

function onProblem(every: Unit, on: On): string | null {
  if (every === 'day' && on !== undefined) return 'cannot be with every: day';
  if (every === 'week' && typeof on === 'number') return 'must be a weekday such as friday';
  return every === 'month' && typeof on === 'string' ? 'must be a day of the month, 1 to 31' : null;
}

/** Left out, it is the last day of the unit. */
function dayOfUnit({ every, on }: { every: Unit; on?: On }): number {
  if (typeof on === 'number') return on;
  if (typeof on === 'string') return WEEKDAYS.indexOf(on) + 1;
  return { day: 1, week: 7, month: 31 }[every];
}
