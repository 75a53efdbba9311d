import type * as nodeCron from 'node-cron';
import { createRequire } from 'node:module';
import { z } from 'zod';
import { realPath } from '../system/real-path.ts';
import { isUrl, parseDatabaseUrl } from './database-url.ts';

// The kinds of values that settings have: from the text that users write to what the program uses.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const UNITS: Record<string, number> = { ms: 1, '': SECOND, s: SECOND, m: MINUTE, min: MINUTE, h: HOUR, d: 24 * HOUR };
/** A timer takes no more ms than this (2^31 - 1, some 24 days). */
const LONGEST_MS = 2_147_483_647;

/** `2` and `2s`, `500ms`, `10m` and `10min`, `1h`, `2d`, as ms. */
const anyDuration = z
  .string()
  .regex(
    /^\d+(?:\.\d+)?(?:ms|s|m|min|h|d)?$/,
    'must be a time such as 2s, 500ms, 10min, 1h or 2d (a bare number is seconds)',
  )
  .transform((text) => Math.round(parseFloat(text) * (UNITS[text.replace(/^[\d.]+/, '')] ?? SECOND)));

/** A time that can be waited for, in ms. */
export const duration = anyDuration.refine((ms) => ms <= LONGEST_MS, 'must be at most 24 days');

/** For ever (null), or ms of at least a day: what is shorter is a slip, and what it would remove is gone. */
export const retention = z.string().transform((text, context) => {
  if (text === 'ever') return null;
  const read = anyDuration.safeParse(text);
  if (read.success && read.data >= 24 * HOUR) return read.data;
  context.addIssue('must be ever, or a time of at least a day such as 400d');
  return z.NEVER;
});

/** The schedule of rescans that is not worth loading node-cron for. */
export const EVERY_MINUTE = '* * * * *';

/** A path, or a part of one. */
export const path = z.string().refine((text) => !text.includes('\0'), 'must be a path');

/** A path or a URL. One database has one lock, one write-ahead log and one heartbeat, by whatever path it is reached. */
export const database = path.transform((text, context) => {
  if (isUrl(text)) {
    const read = parseDatabaseUrl(text);
    if (typeof read === 'string') context.addIssue(read);
    return text;
  }
  const real = realPath(text);
  if (real === null) context.addIssue('must not be a loop of links');
  // better-sqlite3 takes white space off the end of a name: it would open a file that another lock belongs to.
  else if (/\s$/.test(real)) context.addIssue('must not end with a space, nor what it links to');
  return real ?? z.NEVER;
});

/** `5%` as 0.05 */
export const share = z
  .string()
  .regex(/^\d{1,3}(?:\.\d+)?%$/, 'must be a share such as 5%')
  .transform((text) => parseFloat(text) / 100)
  .refine((part) => part <= 1, 'must be at most 100%');

/** A path that may be left out. */
export const optionalPath = path.optional().transform((file) => file ?? null);

/** A text that may be left out. */
export const optionalText = z
  .string()
  .refine((text) => !/\p{Cc}/u.test(text), 'must be one line')
  .optional()
  .transform((text) => text ?? null);

/** An address, or a file that holds one; may be left out. */
export const addressOrFile = z
  .string()
  .refine(
    (text) => text.startsWith('/') || (/^https?:/.test(text) && URL.canParse(text)),
    'must be an address such as https://hc-ping.com/…, or the absolute path of a file that holds one',
  )
  .optional()
  .transform((text) => text ?? null);

/** A program and its arguments: its absolute path, or all of them as a list of JSON; may be left out. */
export const programAndArguments = z
  .string()
  .transform((text, context): readonly string[] => {
    const read = z
      .array(z.string())
      .min(1)
      .safeParse(text.startsWith('[') ? parsed(text) : [text]);
    if (read.success && read.data[0]?.startsWith('/') === true) return read.data;
    context.addIssue('must be the absolute path of a program, or a list such as ["/usr/bin/page", "--who", "on-call"]');
    return z.NEVER;
  })
  .optional()
  .transform((words) => words ?? null);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** When, as cron writes it. */
export const cron = z.string().refine(isCron, 'must be a cron expression such as "* * * * *"');

/** Another than the default is held against node-cron, which takes a tenth of the time of a short command to load. */
function isCron(text: string): boolean {
  if (text === EVERY_MINUTE) return true;
  const { createTask } = createRequire(import.meta.url)('node-cron') as typeof nodeCron;
  try {
    // It takes some that never come, such as the 30th day before the last of February.
    return createTask(text, () => undefined, { timezone: 'UTC' }).getNextRuns(1).length > 0;
  } catch {
    return false;
  }
}
