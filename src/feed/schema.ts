import { z } from 'zod';
import { COLUMN_TYPES, type ColumnTypeName } from '../columns/registry.ts';
import { LEDGER_TABLES } from '../model/ledger-tables.ts';
import { checksSchema } from './check-schema.ts';
import { expectSchema, rowsSchema } from './expect-schema.ts';
import { patternProblem } from './file-pattern.ts';
import { protectShape } from './protect.ts';
import { ruleShape } from './rules.ts';
import { UNDER_WAY } from './under-way.ts';
import { typeParameterShape } from './type-parameters.ts';

/** The shape of a feed definition. What spans several fields (duplicates, references) is checked in contradictions.ts. */

const identifier = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, 'must be lower-case letters, digits and underscores, a letter first')
  .max(63, 'is longer than 63 characters');

/** A string that YAML may have read as something else when it stood without quotes (`~`, `NULL`, `1`). */
const quoted = z.string({ error: 'must be a text: put it in quotes, or leave it out' });

const columnSchema = z.strictObject({
  header: quoted.min(1, 'is empty'),
  aliases: z.array(quoted.min(1, 'is empty')).default([]),
  name: identifier
    .refine(
      (name) => !name.startsWith('source_'),
      'must not begin with source_: those columns hold where a row comes from',
    )
    .refine((name) => !['rowid', 'oid'].includes(name), 'is a name that SQLite keeps for itself'),
  type: z.enum(Object.keys(COLUMN_TYPES) as [ColumnTypeName, ...ColumnTypeName[]]),
  required: z.boolean().default(false),
  optional: z.boolean().default(false),
  phi: z.boolean().default(false),
  references: identifier.optional(),
  index: z.boolean().default(false),
  ...typeParameterShape,
  ...ruleShape,
  ...protectShape,
});

/** SQLite takes 2,000 columns in a table; a temporary one has up to ten of Landfall's own beside them. */
const MOST_COLUMNS = 1990;

/** Names that a feed's table cannot have. */
const TAKEN_TABLES: readonly string[] = [
  ...LEDGER_TABLES,
  'schema_migrations',
  'feed_schema',
  'feeds',
  'daemons',
  'origins',
  'alert_lease',
];

const datasetSchema = z.strictObject({
  name: quoted.regex(
    /^[A-Za-z][A-Za-z0-9_-]*$/,
    'must be letters, digits, _ and -, a letter first: it stands in file names',
  ),
  table: identifier
    .refine((table) => !TAKEN_TABLES.includes(table), 'is the name of a table of the ledger')
    .refine((table) => !table.startsWith('sqlite_'), 'must not begin with sqlite_'),
  expect: expectSchema.optional(),
  rows: rowsSchema.optional(),
  checks: checksSchema.default([]),
  key: z
    .union(
      [identifier, z.array(identifier).min(1, 'names no column')],
      'must be the name of a column, or a list of such',
    )
    .optional(),
  columns: z
    .array(columnSchema)
    .min(1, 'has no column: the first one is the key')
    .max(MOST_COLUMNS, `has more than ${MOST_COLUMNS} columns, the most that a table of the database can take`),
});

const formatSchema = z.strictObject({
  delimiter: quoted
    .regex(/^[^\p{L}\p{N}\r\n"'\\]+$/u, 'must not hold letters, digits, quotes, backslashes or line breaks')
    .optional(),
  quote: z.enum(['"', "'"]).optional(),
  escape: z.enum(['double', 'backslash']).optional(),
  encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']).optional(),
  header: z.enum(['present', 'none']).default('present'),
  date_order: z.enum(['month-first', 'day-first']).default('month-first'),
  thousands_separator: z.boolean().default(false),
  nulls: z.array(quoted.refine((word) => word.trim() !== '', 'is empty: an empty field is NULL anyway')).default([]),
});

const filesSchema = z
  .strictObject({
    prefix: quoted.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'must be letters, digits, and _ . - (not first)').optional(),
    extension: quoted
      .regex(/^\.[A-Za-z0-9]+$/, 'must be a dot with letters and digits, as in .txt')
      .refine((extension) => !UNDER_WAY.test(extension), 'marks an upload under way')
      .optional(),
    pattern: quoted
      .superRefine((text, context) => {
        const problem = patternProblem(text);
        if (problem !== null) context.addIssue(problem);
      })
      .optional(),
    compressed: z.boolean().default(false),
  })
  .superRefine(({ prefix, extension, pattern }, context) => {
    for (const [name, value] of Object.entries({ prefix, extension })) {
      if (pattern !== undefined && value !== undefined)
        context.addIssue({ code: 'custom', path: [name], message: 'cannot stand beside a pattern' });
      else if (pattern === undefined && value === undefined)
        context.addIssue({ code: 'custom', path: [name], message: 'is missing' });
    }
  });

/** A feed definition as it is written, with the defaults filled in. */
export const definitionSchema = z.strictObject({
  feed: identifier,
  files: filesSchema,
  max_bad_rows: z.number().min(0, 'must be a share from 0 to 1').max(1, 'must be a share from 0 to 1').default(0.5),
  format: formatSchema.prefault({}),
  datasets: z.array(datasetSchema).min(1, 'has no dataset'),
});

export type Definition = z.output<typeof definitionSchema>;
export type DatasetDefinition = Definition['datasets'][number];
export type ColumnDefinition = DatasetDefinition['columns'][number];

/** What can be held against the rest of a definition: null stands for what is wrong in itself, so that places stay what they are. */
export interface SoundParts {
  readonly files: Definition['files'] | null;
  readonly datasets: readonly (SoundDataset | null)[];
  /** Tables of datasets that are wrong in themselves: they may be referred to. */
  readonly otherTables: readonly string[];
}

export interface SoundDataset {
  readonly name: string;
  readonly table: string;
  readonly key?: string | readonly string[] | undefined;
  readonly columns: readonly (ColumnDefinition | null)[];
}

const named = z.object({
  name: datasetSchema.shape.name,
  table: datasetSchema.shape.table,
  key: datasetSchema.shape.key.catch(undefined),
  columns: z.array(z.unknown()),
});
const listed = z.object({ datasets: z.array(z.unknown()) });
const tabled = z.object({ table: z.string() });

/** Of a definition that is wrong in some places, what is right. */
export function soundParts(data: unknown): SoundParts {
  const list = listed.safeParse(data).data?.datasets ?? [];
  const datasets = list.map((one): SoundDataset | null => {
    const dataset = named.safeParse(one).data;
    if (dataset === undefined) return null;
    return { ...dataset, columns: dataset.columns.map((column) => columnSchema.safeParse(column).data ?? null) };
  });
  const otherTables = list.flatMap((one, index) =>
    datasets[index] == null ? (tabled.safeParse(one).data?.table ?? []) : [],
  );
  return { files: z.object({ files: filesSchema }).safeParse(data).data?.files ?? null, datasets, otherTables };
}
