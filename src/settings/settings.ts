import { z } from 'zod';
import { httpAddress } from './http-address.ts';
import { TELLING_SETTINGS } from './telling.ts';
import { cron, database, duration, EVERY_MINUTE, path, retention, share } from './values.ts';

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
  /** `all` commands take it, only those that ingest, or the daemon alone. */
  readonly takenBy: 'all' | 'ingest' | 'run';
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
    placeholder: 'FILE|URL',
    help: 'the database: a file of SQLite, or postgres://user@host/database',
    schema: database,
    fallback: null,
    fallbackInWords: './db/visitpay.sqlite, for the feed feeds/NAME ./db/NAME.sqlite',
    fallbackFolder: 'working',
    takenBy: 'all',
  },
  {
    name: 'feed',
    key: 'feed',
    placeholder: 'DIR',
    help: 'the folder of the feed, or the feed.yaml in it',
    schema: path,
    fallback: 'feeds/visitpay',
    fallbackInWords: "the program's feeds/visitpay",
    fallbackFolder: 'program',
    takenBy: 'all',
  },
  {
    name: 'env',
    key: 'env',
    placeholder: 'NAME',
    help: "the feed's environment, e.g. prod: environments/prod.yaml in its folder",
    schema: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'must be letters, digits, _ and -')
      .optional()
      .transform((name) => name ?? null),
    fallback: null,
    fallbackFolder: null,
    takenBy: 'all',
  },
  {
    name: 'alert_rejected',
    key: 'alertRejected',
    placeholder: 'SHARE',
    help: 'tell of files of whose rows more than this share was rejected; 100% tells of none',
    schema: share,
    fallback: '5%',
    fallbackFolder: null,
    takenBy: 'all',
  },
  {
    name: 'settle',
    key: 'settleMs',
    placeholder: 'TIME',
    help: 'how long a file must stay unchanged before it is read; 0 reads it at once',
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
    schema: cron,
    fallback: EVERY_MINUTE,
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'archive',
    key: 'archive',
    placeholder: 'DIR|none',
    help: 'where a copy of each content that was ingested is kept',
    schema: path.transform((folder) => (folder === 'none' ? null : folder)),
    fallback: null,
    fallbackInWords: 'archive/ beside the database',
    fallbackFolder: 'working',
    takenBy: 'all',
  },
  {
    name: 'archive_for',
    key: 'archiveForMs',
    placeholder: 'TIME',
    help: 'how long copies are kept',
    schema: retention,
    fallback: 'ever',
    fallbackFolder: null,
    takenBy: 'all',
  },
  {
    name: 'after',
    key: 'after',
    placeholder: 'keep|remove',
    help: 'what becomes of an ingested file',
    schema: z.enum(['keep', 'remove'], {
      error: ({ input }) =>
        input === 'archive'
          ? 'must be keep or remove: every content is copied to --archive; --after remove takes the file out of the landing folder then'
          : 'must be keep or remove',
    }),
    fallback: 'keep',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'remove_after',
    key: 'removeAfterMs',
    placeholder: 'TIME',
    help: 'how long an ingested file must have been still before --after remove takes it',
    schema: duration,
    fallback: '10min',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'state_dir',
    key: 'stateDir',
    placeholder: 'DIR',
    help: 'where a daemon on PostgreSQL says that it lives; with SQLite it does so beside the database',
    schema: path,
    fallback: './db',
    fallbackFolder: 'working',
    takenBy: 'all',
  },
  {
    name: 'key_file',
    key: 'keyFile',
    placeholder: 'FILE',
    help: 'the key of protected columns; its text is never a setting',
    schema: path.optional().transform((file) => file ?? null),
    fallback: null,
    fallbackFolder: 'working',
    takenBy: 'all',
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
    help: "SQLite's page cache in MiB, taken as far as it is needed",
    schema: z
      .string()
      .regex(/^\d{1,6}$/, 'must be a whole number of MiB')
      .transform(Number)
      .refine((mib) => mib >= 1 && mib <= 65_536, 'must be from 1 to 65536'),
    // With less, a daily file writes pages that it changes again; memory beyond this costs more when first touched than it saves.
    fallback: '128',
    fallbackFolder: null,
    takenBy: 'ingest',
  },
  {
    name: 'http',
    key: 'http',
    placeholder: 'HOST:PORT',
    help: 'where the page, metrics and health are served',
    schema: httpAddress.optional().transform((address) => address ?? null),
    fallback: null,
    fallbackFolder: null,
    takenBy: 'run',
  },
  {
    name: 'http_password_file',
    key: 'httpPasswordFile',
    placeholder: 'FILE',
    help: 'holds the password of the page; needed where --http is no loopback address',
    schema: path.optional().transform((file) => file ?? null),
    fallback: null,
    fallbackFolder: 'working',
    takenBy: 'run',
  },
  ...TELLING_SETTINGS,
] as const satisfies readonly SettingInfo[];

/** Settings that there were once, and what takes their place, for a person. */
export const FORMER_SETTINGS: Readonly<Record<string, string>> = {
  archive_after:
    'is no setting any more: a copy is made before each commit, and --remove-after says how long a file must have been still before --after remove takes it',
  archive_dir: 'is no setting any more: --archive DIR names the folder of copies',
};

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

/** `archive_for` → `--archive-for` */
export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

/** `archive_for` → `LANDFALL_ARCHIVE_FOR` */
export function variableOf(name: string): string {
  return `LANDFALL_${name.toUpperCase()}`;
}
