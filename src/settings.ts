import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { validate as isCron } from 'node-cron';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { LandfallError } from './errors.ts';
import { editDistance } from './edit-distance.ts';

/** How Landfall is set up: flags, then LANDFALL_* variables, then a settings file, then defaults. Paths are absolute. */
export interface Settings {
  readonly landing: string;
  readonly db: string;
  readonly feed: string;
  /** How long a file's size and times must have stood still before it is read, in ms; 0 takes it at once. */
  readonly settleMs: number;
  /** A cron expression: when the landing folder is listed even if nothing was heard of it. */
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
const UNITS: Record<string, number> = { ms: 1, '': SECOND, s: SECOND, m: MINUTE, min: MINUTE, h: HOUR };
/** A timer takes no more ms than this (2^31 - 1, some 24 days). */
const LONGEST_MS = 2_147_483_647;

/** `2` and `2s`, `500ms`, `10m` and `10min`, `1h`, as ms. */
const duration = z
  .string()
  .regex(/^\d+(?:\.\d+)?(?:ms|s|m|min|h)?$/, 'must be a time such as 2s, 500ms, 10min or 1h (a bare number is seconds)')
  .transform((text) => Math.round(parseFloat(text) * (UNITS[text.replace(/^[\d.]+/, '')] ?? SECOND)))
  .refine((ms) => ms <= LONGEST_MS, 'must be at most 24 days');

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
const valuesSchema = z.object(valueSchemas);

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
    help: 'when the folder is listed even if nothing was heard of it',
    fallback: '* * * * *',
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

/** Where settings come from. */
export interface SettingSources {
  /** Values of flags by setting name (`archive_after`), and `settings` for the settings file. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working folder. */
  readonly cwd: string;
  /** The program's folder, which the default feed is in. */
  readonly root: string;
}

/** A value as it was written, and where: `--settle`, `LANDFALL_SETTLE` or `settle in landfall.yaml`. */
interface Given {
  readonly text: string;
  readonly source: string;
}

/**
 * Puts the settings together; an empty variable counts as not set.
 * @returns frozen
 * @throws LandfallError naming all wrong ones at once, each with where it came from and its value
 */
export function readSettings(sources: SettingSources): Settings {
  const faults = misspeltVariables(sources.env);
  const file = readSettingsFile(sources, faults);
  const given = new Map<string, Given>();
  for (const info of SETTINGS) {
    const found =
      taken(sources.flags[info.name], flagOf(info.name), sources.cwd, info) ??
      taken(variable(sources.env, info.name), variableOf(info.name), sources.cwd, info) ??
      file.get(info.name) ??
      taken(info.fallback ?? undefined, 'default', sources.cwd, info);
    if (found?.text === '') faults.push(`${found.source}: is empty`);
    else if (found !== undefined) given.set(info.name, found);
  }

  const texts = Object.fromEntries([...given].map(([name, { text }]) => [name, text]));
  const parsed = valuesSchema.safeParse({
    feed: resolve(sources.root, 'feeds/visitpay.yaml'),
    archive_dir: null,
    ...texts,
  });
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0]);
    const wrongly = given.get(name);
    // One that is not there has been named already.
    if (wrongly !== undefined) faults.push(`${wrongly.source}: ${issue.message}, not ${JSON.stringify(wrongly.text)}`);
  }
  const values = parsed.data;
  if (values?.archive_dir != null && values.archive_dir === values.landing) {
    faults.push(
      `${given.get('archive_dir')?.source ?? ''}: is the landing folder itself, ${JSON.stringify(values.landing)}`,
    );
  }
  if (values === undefined || faults.length > 0) throw wrong(faults);
  return Object.freeze({
    landing: values.landing,
    db: throughLinks(values.db),
    feed: values.feed,
    settleMs: values.settle,
    rescan: values.rescan,
    after: values.after,
    archiveAfterMs: values.archive_after,
    archiveDir: values.archive_dir,
    logLevel: values.log_level,
    logFormat: values.log_format,
    cacheMib: values.cache_mib,
  });
}

function taken(text: string | undefined, source: string, folder: string, info: SettingInfo): Given | undefined {
  if (text === undefined) return undefined;
  return { text: info.path && text !== '' ? resolve(folder, text) : text, source };
}

/** The database by its own name: its lock must be one, by whatever link it is reached. */
function throughLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(throughLinks(folder), basename(path));
  }
}

function wrong(faults: readonly string[]): LandfallError {
  const [first, ...others] = faults;
  if (first !== undefined && others.length === 0) return new LandfallError('read settings', first);
  return new LandfallError(
    'read settings',
    `${faults.length} are wrong\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  );
}

/** An empty variable is one that is not set: compose files and unit files often leave it so. */
function variable(env: SettingSources['env'], name: string): string | undefined {
  const text = env[variableOf(name)];
  return text === '' ? undefined : text;
}

/** A variable with a slip in its name would be passed over without a word. Others with our prefix may be someone else's. */
function misspeltVariables(env: SettingSources['env']): string[] {
  const known = ['settings', ...SETTINGS.map((info) => info.name)].map(variableOf);
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith('LANDFALL_') || known.includes(name)) return [];
    const meant = known.find((other) => editDistance(name, other) <= 2);
    return meant === undefined ? [] : [`${name}: is not a setting, did you mean ${meant}?`];
  });
}

function readSettingsFile(sources: SettingSources, faults: string[]): Map<string, Given> {
  const given = new Map<string, Given>();
  const named = sources.flags['settings'] ?? variable(sources.env, 'settings');
  if (named === undefined) return given;
  const path = resolve(sources.cwd, named);
  for (const [name, value] of Object.entries(readYaml(path))) {
    const info = SETTINGS.find((one) => one.name === name);
    const source = `${name} in ${path}`;
    if (info === undefined) {
      faults.push(`${source}: is not a setting (there are ${SETTINGS.map((one) => one.name).join(', ')})`);
    } else if (typeof value !== 'string' && typeof value !== 'number') {
      faults.push(`${source}: must be a text or a number, not ${JSON.stringify(value)}`);
    } else {
      const found = taken(String(value), source, dirname(path), info);
      if (found !== undefined) given.set(info.name, found);
    }
  }
  return given;
}

function readYaml(path: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = parseYaml(readFileSync(path, 'utf8')) ?? {};
  } catch (cause) {
    throw new LandfallError('read settings file', problemOf(cause), { file: path, cause });
  }
  const checked = z.record(z.string(), z.unknown()).safeParse(content);
  if (!checked.success) {
    throw new LandfallError('read settings file', 'must hold lines of the form name: value', { file: path });
  }
  return checked.data;
}

/** One clause: system errors by their code, those of the YAML without its picture of the place. */
function problemOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'cannot be read';
  if ('code' in cause && 'syscall' in cause) return `cannot be read: ${String(cause.code)}`;
  return (cause.message.split('\n')[0] ?? '').replace(/:$/, '');
}
