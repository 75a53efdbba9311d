import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type * as yaml from 'yaml';
import { z } from 'zod';
import { editDistance } from '../feed/edit-distance.ts';
import { LandfallError } from '../model/errors.ts';
import { realPath } from '../system/real-path.ts';
import { hasPassword, isUrl, withoutPassword } from './database-url.ts';
import { isLoopback } from './http-address.ts';
import {
  areSettings,
  flagOf,
  FORMER_SETTINGS,
  SETTINGS,
  variableOf,
  type SettingInfo,
  type Settings,
} from './settings.ts';

/** Where settings come from. */
export interface SettingSources {
  /** Values of flags by setting name (`archive_for`), and `settings` for the settings file. */
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
  const problems = [...formerSettings(sources), ...misspeltVariables(sources.env)];
  const given = gather(sources, problems);
  const values: Record<string, unknown> = {};
  for (const info of SETTINGS) {
    const { text, source } = given.get(info.name) ?? UNSET;
    const read = info.schema.safeParse(text);
    if (info.name === 'db' && source === flagOf('db') && hasPassword(text ?? '')) problems.push(PASSWORD_SEEN);
    if (text === '') problems.push(`${source} is empty`);
    else if (read.success) values[info.key] = read.data;
    else {
      const [issue] = read.error.issues;
      problems.push(`${source} ${issue?.message ?? 'is wrong'}, not ${JSON.stringify(text && shown(info, text))}`);
    }
  }
  const { landing, archive } = values;
  if (archive === null && values['after'] === 'remove')
    problems.push('--after remove takes only what is in the archive: it does not go with --archive none');
  if (archive === landing)
    problems.push(`${(given.get('archive') ?? UNSET).source} is the landing folder itself, ${JSON.stringify(landing)}`);
  if (
    areSettings(values) &&
    values.http !== null &&
    !isLoopback(values.http.host) &&
    values.httpPasswordFile === null
  ) {
    const where = `${(given.get('http') ?? UNSET).source}: is reached from other machines`;
    problems.push(`${where}, so it needs a password: name a file that holds one with --http-password-file`);
  }
  if (problems.length > 0 || !areSettings(values)) throw wrong(problems);
  return Object.freeze(values);
}

/** A command line is shown to everybody on the machine. */
const PASSWORD_SEEN =
  '--db: must not hold a password, which every user of this machine could read: put it into ~/.pgpass (or PGPASSFILE), or name a file with ?passwordfile=FILE';

/** A setting as it stands: its value as users write it, and where it came from. */
export interface SettingInForce {
  readonly name: string;
  /** Null: it is not set, and has no default. */
  readonly value: string | null;
  /** `--settle`, `LANDFALL_SETTLE`, `settle in /etc/landfall.yaml` or `default`. */
  readonly source: string;
}

/**
 * Every setting with its value and where it came from.
 * @throws LandfallError as `readSettings` does
 */
export function settingsInForce(sources: SettingSources): readonly SettingInForce[] {
  const settings = readSettings(sources);
  const given = gather(sources, []);
  return SETTINGS.map((info) => {
    const { name, key } = info;
    const { text, source } = given.get(name) ?? UNSET;
    const value = settings[key];
    // A path as it is used; a time as it was written.
    return { name, value: typeof value === 'string' ? shown(info, value) : (text ?? null), source };
  });
}

/** A value as it may be shown. */
function shown(info: SettingInfo, text: string): string {
  // Whoever knows the address could call it instead.
  if (info.name === 'ping_url' && URL.canParse(text)) return `${new URL(text).origin}/***`;
  return info.name === 'db' ? withoutPassword(text) : text;
}

/** What stands for a setting that nobody has given and that has no default. */
const UNSET = { text: undefined, source: 'default' };

/** What was given for each setting, by name: the first of flag, variable, file and default. */
function gather(sources: SettingSources, problems: string[]): ReadonlyMap<string, Given> {
  const file = readSettingsFile(sources, problems);
  const given = SETTINGS.flatMap((info: SettingInfo) => {
    const one =
      taken(sources.flags[info.name], flagOf(info.name), sources.cwd, info) ??
      taken(variable(sources.env, info.name), variableOf(info.name), sources.cwd, info) ??
      file.get(info.name) ??
      taken(info.fallback ?? undefined, 'default', sources[FALLBACK_FOLDERS[info.fallbackFolder ?? 'working']], info);
    return one === undefined ? [] : [[info.name, one] as const];
  });
  const all = new Map(given);
  if (!all.has('db')) all.set('db', { text: databaseOf(all.get('feed')?.text ?? '', sources.cwd), source: 'default' });
  if (!all.has('archive'))
    all.set('archive', { text: archiveBeside(all.get('db')?.text, sources.cwd), source: 'default' });
  return all;
}

/** Each feed has a database of its own, named like its folder. */
function databaseOf(feed: string, cwd: string): string {
  const folder = /\.ya?ml$/.test(feed) ? dirname(feed) : feed;
  return join(cwd, 'db', `${basename(folder)}.sqlite`);
}

/** A server has no folder beside it: the archive is then in the working folder. */
function archiveBeside(db: string | undefined, cwd: string): string {
  const file = db === undefined || isUrl(db) ? null : realPath(db);
  return join(file === null ? cwd : dirname(file), 'archive');
}

/** What was given under a name that is gone: passed over, files would go where nobody looks for them. */
function formerSettings({ flags, env }: SettingSources): string[] {
  return Object.entries(FORMER_SETTINGS).flatMap(([name, now]) => [
    ...(flags[name] === undefined ? [] : [`${flagOf(name)} ${now}`]),
    ...(variable(env, name) === undefined ? [] : [`${variableOf(name)} ${now}`]),
  ]);
}

/** Where the path of a default is relative to. */
const FALLBACK_FOLDERS = { working: 'cwd', program: 'root' } as const;

function taken(text: string | undefined, source: string, folder: string, info: SettingInfo): Given | undefined {
  if (text === undefined) return undefined;
  return { text: info.fallbackFolder !== null && text !== '' ? absolute(folder, text, info) : text, source };
}

/** The links on the way to the database are followed one by one: until then `link/..` must not be taken for the folder of the link. */
function absolute(folder: string, text: string, info: SettingInfo): string {
  if (info.name === 'archive' && text === 'none') return text;
  if (info.name === 'db') return isAbsolute(text) || isUrl(text) ? text : `${folder}/${text}`;
  return resolve(folder, text);
}

function wrong(problems: readonly string[]): LandfallError {
  const [first, ...others] = problems;
  if (first !== undefined && others.length === 0) return new LandfallError('read settings', first);
  return new LandfallError(
    'read settings',
    `${problems.length} settings are wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
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
  const former = Object.keys(FORMER_SETTINGS).map(variableOf);
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith('LANDFALL_') || known.includes(name) || former.includes(name)) return [];
    const meant = nearest(name, known);
    return meant === undefined ? [] : [misspelt(name, meant)];
  });
}

/** The name that a misspelt one may stand for. */
function nearest(name: string, known: readonly string[]): string | undefined {
  return known.find((other) => editDistance(name, other) <= 2);
}

function misspelt(source: string, meant: string): string {
  return `${source} is not a setting; did you mean ${meant}?`;
}

function readSettingsFile(sources: SettingSources, problems: string[]): Map<string, Given> {
  const given = new Map<string, Given>();
  const named = sources.flags['settings'] ?? variable(sources.env, 'settings');
  if (named === undefined) return given;
  const path = resolve(sources.cwd, named);
  for (const [name, value] of Object.entries(readYaml(path))) {
    const info = SETTINGS.find((one) => one.name === name);
    const source = `${name} in ${path}`;
    if (info === undefined) {
      const names = SETTINGS.map((one) => one.name);
      const meant = nearest(name, names);
      const now = FORMER_SETTINGS[name];
      problems.push(
        now !== undefined
          ? `${source} ${now}`
          : meant === undefined
            ? `${source} is not a setting (there are ${names.join(', ')})`
            : misspelt(source, meant),
      );
    } else if (typeof value !== 'string' && typeof value !== 'number') {
      problems.push(`${source} must be a text or a number, not ${JSON.stringify(value)}`);
    } else {
      const found = taken(String(value), source, dirname(path), info);
      if (found !== undefined) given.set(info.name, found);
    }
  }
  return given;
}

function readYaml(path: string): Record<string, unknown> {
  // Loaded only for a settings file: it takes a tenth of a health check.
  const { parse } = createRequire(import.meta.url)('yaml') as typeof yaml;
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8')) ?? {};
  } catch (cause) {
    throw new LandfallError('read settings file', problemOf(cause), { file: path, cause });
  }
  const checked = z.record(z.string(), z.unknown()).safeParse(content);
  if (!checked.success) {
    throw new LandfallError(
      'read settings file',
      'it must hold lines of the form name: value, for example settle: 5s',
      { file: path },
    );
  }
  return checked.data;
}

/** One clause: system errors by their code, those of the YAML without its picture of the place. */
function problemOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'it cannot be read';
  if ('code' in cause && 'syscall' in cause)
    return cause.code === 'ENOENT' ? 'it does not exist' : `it cannot be read (${String(cause.code)})`;
  return (cause.message.split('\n')[0] ?? '').replace(/:$/, '');
}
