import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { LandfallError } from '../model/errors.ts';
import { systemCode } from '../system/system-error.ts';
import { overlaySchema, type ProtectOverlay } from './protect.ts';

/** What an environment of a feed says: the values for `${name}` in its definition and its SQL. */
export type EnvironmentValues = Readonly<Record<string, string | number | boolean>>;

/** An environment of a feed. */
export interface Environment {
  readonly values: EnvironmentValues;
  /** What protects columns that the feed itself leaves in the clear, by `table.column`. */
  readonly protect: ProtectOverlay;
}

const valuesSchema = z.record(
  z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be lower-case letters, digits and underscores, a letter first'),
  z.union([z.string(), z.number(), z.boolean()], 'must be a text, a number, true or false'),
);

const environmentSchema = z
  .looseObject({ protect: overlaySchema.default({}) })
  .transform(({ protect, ...values }, context) => {
    const read = valuesSchema.safeParse(values);
    for (const issue of read.error?.issues ?? []) context.addIssue({ ...issue, code: 'custom' });
    return { protect, values: read.data ?? {} };
  });

/** `${name}`, or `$${name}` for those very characters without the first dollar. */
const VARIABLE = /\$?\$\{([^{}]*)\}/g;

/** What holds in every environment that says nothing else, and where none is asked for. It need not be there. */
const DEFAULT = 'default';

/**
 * Reads `environments/NAME.yaml` of a feed over its `default.yaml`: lines of the form `name: value`, and `protect` with lines of the form
 * `table.column: hash`.
 * @param folder the feed's
 * @param name null: none was asked for
 * @throws LandfallError when there is no such environment, or one is not of that form
 */
export function readEnvironment(folder: string, name: string | null): Environment {
  const hasDefault = existsSync(join(folder, 'environments', `${DEFAULT}.yaml`));
  const [below, above] = [hasDefault ? DEFAULT : null, name].map((one) =>
    one === null ? { values: {}, protect: {} } : readOne(folder, one),
  );
  return { values: { ...below?.values, ...above?.values }, protect: { ...below?.protect, ...above?.protect } };
}

function readOne(folder: string, name: string): Environment {
  const file = join(folder, 'environments', `${name}.yaml`);
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (cause) {
    const code = systemCode(cause);
    const problem = code === null && cause instanceof Error ? firstLine(cause.message) : `it cannot be read (${code})`;
    throw new LandfallError('read environment', problem, { file, hint: `there ${environmentsIn(folder)}`, cause });
  }
  const read = environmentSchema.safeParse(content);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
  throw new LandfallError('read environment', problems.join('; '), {
    file,
    hint: 'it holds lines of the form name: value',
  });
}

/** The names of a feed's environments, as a clause: `are dev, prod and test` or `are none`. */
export function environmentsIn(folder: string): string {
  let names: string[] = [];
  try {
    names = readdirSync(join(folder, 'environments'));
  } catch {
    // There is no such folder.
  }
  const found = names.filter((name) => name.endsWith('.yaml')).map((name) => name.slice(0, -'.yaml'.length));
  return found.length === 0 ? 'are none' : `are ${found.sort().join(', ')}`;
}

/** A text with its variables filled in, and the names that the environment does not have. */
export function fillIn(text: string, values: EnvironmentValues): { text: string; missing: readonly string[] } {
  const missing: string[] = [];
  const filled = text.replace(VARIABLE, (whole, name: string) => {
    if (whole.startsWith('$$')) return whole.slice(1);
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) missing.push(name);
    return String(value ?? whole);
  });
  return { text: filled, missing };
}

/** The value of a text that is one variable and nothing else: a number stays a number. */
export function valueOf(text: string, values: EnvironmentValues): string | number | boolean | undefined {
  const name = /^\$\{([^{}]*)\}$/.exec(text)?.[1];
  return name !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/:$/, '');
}
