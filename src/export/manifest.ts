import { z } from 'zod';
import { LandfallError } from '../model/errors.ts';
import type { Physical } from './parquet/codecs.ts';
import type { ValueRange } from './parquet/column-buffer.ts';
import type { StorageClass } from '../columns/column-type.ts';
import { MANIFEST_NAME, type StoredManifest } from './target.ts';

/** The version of the manifest's form. */
const FORM = 1;

const rangeSchema = z.object({
  min: z.union([z.string(), z.number(), z.boolean()]).optional(),
  max: z.union([z.string(), z.number(), z.boolean()]).optional(),
  nulls: z.number(),
});

const partSchema = z.object({
  /** Below the target. */
  file: z.string(),
  partition: z.record(z.string(), z.string()).nullable(),
  rows: z.number(),
  bytes: z.number(),
  sha256: z.string(),
  columns: z.record(z.string(), rangeSchema),
});

const tableSchema = z.object({
  name: z.string(),
  kind: z.enum(['table', 'view']),
  rows: z.number(),
  order_by: z.array(z.string()),
  partition_by: z.object({ column: z.string(), by: z.enum(['year', 'month', 'day']) }).nullable(),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      scale: z.number().optional(),
      phi: z.boolean().nullable(),
      protection: z.string().nullable(),
      protected_in: z.enum(['database', 'export']).nullable(),
    }),
  ),
  parts: z.array(partSchema),
});

const manifestSchema = z.object({
  landfall_export: z.literal(FORM),
  /** One more than that of the manifest before. */
  generation: z.number(),
  /** ISO 8601, UTC. */
  exported_at: z.string(),
  from: z.object({
    feed: z.string(),
    feed_hash: z.string(),
    store: z.string(),
    newest_file_id: z.number().nullable(),
    program: z.string(),
  }),
  deidentified: z.boolean(),
  /** The fingerprint of the key that values were hashed with; null: none was. */
  key: z.string().nullable(),
  tables: z.array(tableSchema),
});

/** What one export consists of: `_manifest.json`. Holds no patient data: no bounds of a column that is, or may be, such. */
export type Manifest = z.output<typeof manifestSchema>;
export type ManifestTable = Manifest['tables'][number];
export type ManifestPart = ManifestTable['parts'][number];

/**
 * Reads the manifest that is in force.
 * @throws LandfallError when it is none of ours
 */
export function parseManifest({ text }: StoredManifest, shown: string): Manifest {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    content = null;
  }
  const read = manifestSchema.safeParse(content);
  if (read.success) return read.data;
  throw new LandfallError('export', `${MANIFEST_NAME} there is none of Landfall's, or of a newer version`, {
    ...{ file: shown, hint: 'nothing was changed: name another place with --to' },
  });
}

export function manifestText(manifest: Omit<Manifest, 'landfall_export'>): string {
  return `${JSON.stringify({ landfall_export: FORM, ...manifest }, null, 1)}\n`;
}

/** Texts that are longer are no bounds: their beginnings would be none, and their whole is too much. */
const LONGEST_BOUND = 64;

/** The bounds of a column as the manifest has them. */
export function boundsOf(
  range: ValueRange,
  storage: StorageClass,
  scale: number | null,
  show: boolean,
): z.output<typeof rangeSchema> {
  const { min, max, nulls, isSure } = range;
  if (!show || !isSure || min === undefined || max === undefined) return { nulls };
  const bounds = { min: spell(min, storage, scale), max: spell(max, storage, scale), nulls };
  const isLong = [bounds.min, bounds.max].some((bound) => typeof bound === 'string' && bound.length > LONGEST_BOUND);
  return isLong ? { nulls } : bounds;
}

/** As the databases keep it: `2026-08-01`, `2026-08-01T06:00:00Z`, `-0.50`. */
function spell(value: Physical, storage: StorageClass, scale: number | null): string | number | boolean {
  if (storage === 'date') return new Date(Number(value) * 86_400_000).toISOString().slice(0, 10);
  if (storage === 'timestamp') return spellMoment(BigInt(value));
  if (storage === 'decimal') return spellDecimal(BigInt(value), scale ?? 0);
  return typeof value === 'bigint' ? Number(value) : value;
}

function spellMoment(microseconds: bigint): string {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (microseconds - fraction) / 1_000_000n;
  const digits = fraction === 0n ? '' : `.${String(fraction).padStart(6, '0')}`;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${digits}Z`;
}

function spellDecimal(units: bigint, scale: number): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${units < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}
