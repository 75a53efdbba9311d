import type * as cron from 'node-cron';
import { createRequire } from 'node:module';
import { z } from 'zod';
import { realPath } from '../system/real-path.ts';
import { isUrl } from './database-url.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const UNITS: Record<string, number> = { ms: 1, '': SECOND, s: SECOND, m: MINUTE, min: MINUTE, h: HOUR, d: 24 * HOUR };
/** A timer takes no more ms than this (2^31 - 1, some 24 days). */
const LONGEST_MS = 2_147_483_647;

/** `2` and `2s`, `500ms`, `10m` and `10min`, `1h`, `2d`, as ms. */
const duration = z
  .string()
  .regex(
    /^\d+(?:\.\d+)?(?:ms|s|m|min|h|d)?$/,
    'must be a time such as 2s, 500ms, 10min, 1h or 2d (a bare number is seconds)',
  )
  .transform((text) => Math.round(parseFloat(text) * (UNITS[text.replace(/^[\d.]+/, '')] ?? SECOND)))
  .refine((ms) => ms <= LONGEST_MS, 'must be at most 24 days');

const EVERY_MINUTE = '* * * * *';

const path = z.string().refine((text) => !text.includes('\0'), 'must be a path');

/** A path or a URL. One database has one lock, one write-ahead log and one heartbeat, by whatever path it is reached. */
const database = path.transform((text, context) => {
  if (isUrl(text)) return text;
  const real = realPath(text);
  if (real === null) context.addIssue('must not be a loop of links');
  // better-sqlite3 takes white space off the end of a name: it would open a file that another lock belongs to.
  else if (/\s$/.test(real)) context.addIssue('must not end with a space, nor what it links to');
  return real ?? z.NEVER;
});

/** One setting as users know it. Its flag is `--settle`, its variable `LANDFALL_SETTLE`, its name in a settings file `settle`. */
export interface SettingInfo {
  /** Words joined by underscores, as in a settings file. */
  readonly name: string;
  /** Its name in `Settings`: with the unit. */
  readonly key: string;
  /** What stands for the value in the help, e.g. `DIR`. */
  readonly placeholder: string;
  readonly help: string;
  /** The value from the text that users write; undefined: there is neither a text nor a default. */
  readonly schema: z.ZodType;
  /** The default as users write it; null: it is not set. */
  readonly fallback: string | null;
  /** What the default is, in words, where its text does not say it. */
  readonly fallbackInWords?: string;
  /**
   * Where a relative path is taken from: the working folder (flag, variable) or the settings file's folder; its default
   * from the working folder or the program's own. Null: the value is no path.
   */
  readonly fallbackFolder: 'working' | 'program' | null;
  /** `all` commands take it, or only those that ingest. */
  readonly takenBy: 'all' | 'ingest';
}

/** Another than the default is held against node-cron, which takes a tenth of the time of a short command to load. */
function isCron(text: string): boolean {
  if (text === EVERY_MINUTE) return true;
  const { createTask } = createRequire(import.meta.url)('node-cron') as typeof cron;
  try {
    // It takes some that never come, such as the 30th day before the last of February.
    return createTask(text, () => undefined, { timezone: 'UTC' }).getNextRuns(1).length > 0;
  } catch {
    return false;
  }
}

/**
 * Every setting there is, in the order of the help and the documents: types, checks, flags, variables and documents follow it.
 * `--settings FILE` (LANDFALL_SETTINGS) comes on top.
 */
export const SETTINGS = [
  {
    name: 'landing',
    key: 'landing',
    placeholder: 'DIR',
    help: 'the folder that files are dropped into',
    schema: path,
    fallback: './landing',
    fallbackFolder: 'working',
    takenBy: 'all',
  },
  {
    name: 'db',
    key: 'db',
    placeholder: 'FILE',
    help: 'the database',
    schema: database,
    fallback: './db/visitpay.sqlite',
    fallbackFolder: 'working',
    takenBy: 'all',
  },
  {
    name: 'feed',
    key: 'feed',
    placeholder: 'FILE',
    help: 'the feed definition',
    schema: path,
    fallback: 'feeds/visitpay.yaml',
    fallbackInWords: "the program's feeds/visitpay.yaml",
    fallbackFolder: 'program',
    takenBy: 'all',
  },
  {
    name: 'settle',
    key: 'settleMs',
    placeholder: 'TIME',
    help: 'how long a file must stand still before it is read; 0 takes it at once',
    schema: duration,
    fallback: '2s',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'rescan',
    key: 'rescan',
    placeholder: 'CRON',
    help: 'when, in UTC, the folder is listed even if nothing was heard of it',
    schema: z.string().refine(isCron, 'must be a cron expression such as "* * * * *"'),
    fallback: EVERY_MINUTE,
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'after',
    key: 'after',
    placeholder: 'keep|archive',
    help: 'what becomes of an ingested file',
    schema: z.enum(['keep', 'archive'], 'must be keep or archive'),
    fallback: 'keep',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'archive_after',
    key: 'archiveAfterMs',
    placeholder: 'TIME',
    help: 'how long an ingested file must have been still before it is archived',
    schema: duration,
    fallback: '10min',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'archive_dir',
    key: 'archiveDir',
    placeholder: 'DIR',
    help: 'where to archive to',
    schema: path.optional().transform((folder) => folder ?? null),
    fallback: null,
    fallbackInWords: 'archive/ in the landing folder',
    fallbackFolder: 'working',
    takenBy: 'ingest',
  },
  {
    name: 'log_level',
    key: 'logLevel',
    placeholder: 'LEVEL',
    help: 'trace, debug, info, warn, error, fatal or silent',
    schema: z.enum(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      'must be trace, debug, info, warn, error, fatal or silent',
    ),
    fallback: 'info',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'log_format',
    key: 'logFormat',
    placeholder: 'auto|json|pretty',
    help: 'auto is pretty on a terminal and JSON lines elsewhere',
    schema: z.enum(['auto', 'json', 'pretty'], 'must be auto, json or pretty'),
    fallback: 'auto',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'cache_mib',
    key: 'cacheMib',
    placeholder: 'N',
    help: "SQLite's page cache in MiB",
    schema: z
      .string()
      .regex(/^\d{1,6}$/, 'must be a whole number of MiB')
      .transform(Number)
      .refine((mib) => mib >= 1 && mib <= 65_536, 'must be from 1 to 65536'),
    fallback: '64',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
] as const satisfies readonly SettingInfo[];

/** How Landfall is set up: flags, then LANDFALL_* variables, then a settings file, then defaults. Paths are absolute. */
export type Settings = { readonly [S in (typeof SETTINGS)[number] as S['key']]: z.output<S['schema']> };

/** Whether a value from another process of Landfall, which has read and checked them, came across whole. */
export function areSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && SETTINGS.every(({ key }) => key in value);
}

/** The default as the help and the documents have it. */
export function defaultOf(setting: SettingInfo): string {
  return setting.fallbackInWords ?? setting.fallback ?? 'none';
}

/** `archive_after` → `--archive-after` */
export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

/** `archive_after` → `LANDFALL_ARCHIVE_AFTER` */
export function variableOf(name: string): string {
  return `LANDFALL_${name.toUpperCase()}`;
}
