import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadFeed } from '../src/feed/load.ts';
import { SETTINGS, variableOf } from '../src/settings/settings.ts';
import { FEED_FOLDER, ROOT } from './helpers/ingest.ts';

test('the unit for several feeds differs from the one for one only in what is theirs', () => {
  const lines = (name: string): string[] => readFileSync(join(ROOT, 'deploy', name), 'utf8').split('\n');
  const one = lines('landfall.service');
  const each = lines('landfall@.service');
  const names = (some: readonly string[]): string[] =>
    some.map((line) => line.split(/=(?:LANDFALL_)?/)[0] ?? '').slice(1);
  expect(new Set(names(each.filter((line) => !one.includes(line))))).toEqual(
    new Set(['Description', 'Environment', 'EnvironmentFile', 'StateDirectory']),
  );
  expect(one.filter((line) => !each.includes(line))).toHaveLength(6);
  for (const line of each.filter((text) => !one.includes(text)).slice(1)) expect(line).toContain('%i');
  expect(existsSync(join(ROOT, 'examples/claims/feed.yaml'))).toBe(true);
});

/** What compose asks its own environment for, `${NAME:-default}`, is none of the program's. */
const COMPOSE_VARIABLE = /\$\{(\w+)(?::-[^}]*)?\}/g;

test('what is set in units, drop-ins and compose files are settings', () => {
  const known = SETTINGS.map(({ name }) => variableOf(name));
  const files = readdirSync(join(ROOT, 'deploy'), { recursive: true, encoding: 'utf8' });
  const checked = files.filter((name) => /\.(?:service|conf|yaml)$/.test(name));
  expect(checked.length).toBeGreaterThan(8);
  for (const name of checked) {
    const text = readFileSync(join(ROOT, 'deploy', name), 'utf8').replace(COMPOSE_VARIABLE, '');
    const unknown = [...text.matchAll(/\bLANDFALL_[A-Z_]+/g)].map(([one]) => one).filter((one) => !known.includes(one));
    expect([name, unknown]).toEqual([name, []]);
  }
});

test('the page is published to loopback alone, and its password is where the daemon looks for it', () => {
  const reset = { tag: '!reset', resolve: () => null };
  const text = readFileSync(join(ROOT, 'deploy/compose.page.yaml'), 'utf8');
  const { services, secrets } = parse(text, { customTags: [reset] }) as {
    services: { landfall: { ports: string[]; secrets: string[]; environment: Record<string, string> } };
    secrets: Record<string, unknown>;
  };
  const { ports, secrets: used, environment } = services.landfall;
  expect(ports).toEqual(['127.0.0.1:8080:8080']);
  expect(environment['LANDFALL_HTTP']).toBe('0.0.0.0:8080');
  expect(used.map((name) => `/run/secrets/${name}`)).toEqual([environment['LANDFALL_HTTP_PASSWORD_FILE']]);
  expect(Object.keys(secrets)).toEqual(used);
});

test('P9: service and container find the key where it is handed to them, in an environment that is there', () => {
  const dropIn = readFileSync(join(ROOT, 'deploy/landfall.service.d/protect.conf'), 'utf8');
  const [, credential, environment] =
    /LoadCredential=([\w-]+):\/etc\/landfall\/key\nEnvironment=LANDFALL_KEY_FILE=%d\/\1\n[^]*LANDFALL_ENV=(\w+)\n/.exec(
      dropIn,
    ) ?? [];
  expect(credential).toBe('landfall-key');
  const service = z.object({
    environment: z.object({ LANDFALL_ENV: z.string(), LANDFALL_KEY_FILE: z.string() }),
    secrets: z.tuple([z.string()]),
  });
  const compose = z
    .object({
      services: z.object({ landfall: service }),
      secrets: z.record(z.string(), z.object({ file: z.string() })),
    })
    .parse(parse(readFileSync(join(ROOT, 'deploy/compose.protect.yaml'), 'utf8')));
  const { landfall } = compose.services;
  expect(Object.keys(compose.secrets)).toEqual(landfall.secrets);
  expect(landfall.environment).toEqual({
    LANDFALL_ENV: environment,
    LANDFALL_KEY_FILE: `/run/secrets/${landfall.secrets[0]}`,
  });
  const feed = loadFeed(FEED_FOLDER, environment);
  expect(feed.datasets.flatMap(({ columns }) => columns).some(({ protect }) => protect != null)).toBe(true);
  // What is made beside the compose files is no part of the repository.
  const ignored = readFileSync(join(ROOT, '.gitignore'), 'utf8');
  for (const { file } of Object.values(compose.secrets))
    expect(ignored).toContain(`/deploy/${/-\.\/([\w-]+)\}$/.exec(file)?.[1] ?? file}\n`);
});
