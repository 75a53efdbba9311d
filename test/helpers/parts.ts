import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every part that lies there, with its hash. */
export function partsIn(to: string): ReadonlyMap<string, string> {
  const names = readdirSync(to, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet'));
  return new Map(
    names.sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(to, name)))
        .digest('hex'),
    ]),
  );
}
