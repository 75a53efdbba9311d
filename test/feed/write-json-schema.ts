import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { feedJsonSchema } from '../../src/feed/json-schema.ts';

/** Where editors find it: the first line of each feed.yaml names it. */
export const JSON_SCHEMA_FILE = join(import.meta.dirname, '../../feeds/feed.schema.json');

/** The text of the file. */
export async function jsonSchemaText(): Promise<string> {
  const style = await resolveConfig(JSON_SCHEMA_FILE);
  return await format(JSON.stringify(feedJsonSchema()), { ...style, parser: 'json' });
}

// `npm run feedschema`
if (import.meta.main) writeFileSync(JSON_SCHEMA_FILE, await jsonSchemaText());
