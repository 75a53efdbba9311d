import type * as cron from 'node-cron';
import { createRequire } from 'node:module';
import { z } from 'zod';

/** How Landfall is set up: flags, then LANDFALL_* variables, then a settings file, then defaults. Paths are absolute. */
export interface Settings {
  readonly landing: string;
  readonly db: string;
  readonly feed: string;
  /** How long a file's size and times must have stood still before it is read, in ms; 0 takes it at once. */
  readonly settleMs: number;
  /** A cron expression, in UTC: when the landing folder is listed even if nothing was heard of it. */
  readonly rescan: string;
  /** What becomes of an ingested file. */
  readonly after: 'keep' | 'archive';
  /** How long an ingested file must have been still before it is archived, in ms. */
  readonly archiveAfterMs: number;
  /** Where to archive to; null: `archive/` in the landing folder. */
  readonly archiveDir: string | null;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `auto`: pretty on a terminal, else json. */
  readonly logFormat: 'auto' | 'json' | 'pretty';
  /** SQLite's page cache in MiB. */
  readonly cacheMib: number;
}

/** One setting as users know it. Its flag is `--settle`, its variable `LANDFALL_SETTLE`, its name in a settings file `settle`. */
export interface SettingInfo {
  /** Words joined by underscores, as in a settings file. */
  readonly name: SettingName;
  /** What stands for the value in the help, e.g. `DIR`. */
  readonly placeholder: string;
  readonly help: string;
  /** The default as users write it; null: one that cannot be written so. */
  readonly fallback: string | null;
  /** What the default is, in words, where `fallback` is null. */
  readonly fallbackInWords?: string;
  /** Relative paths are taken from the working folder (flag, variable), or from the settings file's folder. */
  readonly path: boolean;
  /** `all` commands take it, or only those that ingest. */
  readonly takenBy: 'all' | 'ingest';
}

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

const valueSchemas = {
  landing: path,
  db: path,
  feed: path,
  settle: duration,
  rescan: z.string().refine(isCron, 'must be a cron expression such as "* * * * *"'),
  after: z.enum(['keep', 'archive'], 'must be keep or archive'),
  archive_after: duration,
  archive_dir: path.nullable(),
  log_level: z.enum(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'must be trace, debug, info, warn, error, fatal or silent',
  ),
  log_format: z.enum(['auto', 'json', 'pretty'], 'must be auto, json or pretty'),
  cache_mib: z
    .string()
    .regex(/^\d{1,6}$/, 'must be a whole number of MiB')
    .transform(Number)
    .refine((mib) => mib >= 1 && mib <= 65_536, 'must be from 1 to 65536'),
};
/** The values of all settings, from the texts that users write. */
export const settingTextsSchema = z.object(valueSchemas);

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

export type SettingName = keyof typeof valueSchemas;

/** Every setting there is, in the order of the help and the README. `--settings FILE` (LANDFALL_SETTINGS) comes on top. */
export const SETTINGS: readonly SettingInfo[] = [
  {
    name: 'landing',
    placeholder: 'DIR',
    help: 'the folder that files are dropped into',
    fallback: './landing',
    path: true,
    takenBy: 'all',
  },
  {
    name: 'db',
    placeholder: 'FILE',
    help: 'the database',
    fallback: './db/visitpay.sqlite',
    path: true,
    takenBy: 'all',
  },
  {
    name: 'feed',
    placeholder: 'FILE',
    help: 'the feed definition',
    fallback: null,
    fallbackInWords: "the program's feeds/visitpay.yaml",
    path: true,
    takenBy: 'all',
  },
  {
    name: 'settle',
    placeholder: 'TIME',
    help: 'how long a file must stand still before it is read; 0 takes it at once',
    fallback: '2s',
    path: false,
    takenBy: 'ingest',
  },
  {
    name: 'rescan',
    placeholder: 'CRON',
    help: 'when, in UTC, the folder is listed even if nothing was heard of it',
    fallback: EVERY_MINUTE,
    path: false,
    takenBy: 'ingest',
  },
  {
    name: 'after',
    placeholder: 'keep|archive',
    help: 'what becomes of an ingested file',
    fallback: 'keep',
    path: false,
    takenBy: 'ingest',
  },
  {
    name: 'archive_after',
    placeholder: 'TIME',
    help: 'how long an ingested file must have been still before it is archived',
    fallback: '10min',
    path: false,
    takenBy: 'ingest',
  },
  {
    name: 'archive_dir',
    placeholder: 'DIR',
    help: 'where to archive to',
    fallback: null,
    fallbackInWords: 'archive/ in the landing folder',
    path: true,
    takenBy: 'ingest',
  },
  {
    name: 'log_level',
    placeholder: 'LEVEL',
    help: 'trace, debug, info, warn, error, fatal or silent',
    fallback: 'info',
    path: false,
    takenBy: 'ingest',
  },
  {
    name: 'log_format',
    placeholder: 'auto|json|pretty',
    help: 'auto is pretty on a terminal and JSON lines elsewhere',
    fallback: 'auto',
    path: false,
    takenBy: 'ingest',
  },
  {
    name: 'cache_mib',
    placeholder: 'N',
    help: "SQLite's page cache in MiB",
    fallback: '64',
    path: false,
    takenBy: 'ingest',
  },
];

/** `archive_after` → `--archive-after` */
export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

/** `archive_after` → `LANDFALL_ARCHIVE_AFTER` */
export function variableOf(name: string): string {
  return `LANDFALL_${name.toUpperCase()}`;
}
