import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { FEED_FILE, ROOT } from '../helpers/ingest.ts';
import { JSON_SCHEMA_FILE, jsonSchemaText } from './write-json-schema.ts';

test('the JSON Schema of feed.yaml is that of the program: npm run feedschema writes it', async () => {
  expect(readFileSync(JSON_SCHEMA_FILE, 'utf8')).toBe(await jsonSchemaText());
});

const examples = readdirSync(join(ROOT, 'examples')).map((name) => join(ROOT, 'examples', name, 'feed.yaml'));

test.each([FEED_FILE, ...examples.filter((file) => existsSync(file))])('%s tells editors where it is', (file) => {
  const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  expect(resolve(dirname(file), named)).toBe(JSON_SCHEMA_FILE);
});
