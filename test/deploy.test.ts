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

test('P7: the container keeps temporary files in a volume: its root is read-only, and holds no other place for them', () => {
  const [, folder = ''] = /^ENV .*\bTMPDIR=(\S+)/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? [];
  const services = ['compose.yaml', 'compose.postgres.yaml'].map((name) => {
    const text = readFileSync(join(ROOT, 'deploy', name), 'utf8');
    return (parse(text) as { services: { landfall: { read_only: boolean; volumes: string[] } } }).services.landfall;
  });
  for (const { read_only: readOnly, volumes } of services) {
    expect(readOnly).toBe(true);
    expect(volumes.map((volume) => volume.split(':').slice(1).join(':'))).toContain(folder);
  }
});

test('the other feed in compose.yaml, uncommented, has the volume and the secret that it names', () => {
  const text = readFileSync(join(ROOT, 'deploy/compose.yaml'), 'utf8');
  const uncommented = text.replace(/^( *)# (claims:|secrets:| {2}.*)$/gm, '$1$2');
  const override = { tag: '!override', collection: 'seq' as const };
  const { services, volumes, secrets } = z
    .object({
      services: z.object({ claims: z.object({ volumes: z.array(z.string()), secrets: z.array(z.string()) }) }),
      volumes: z.record(z.string(), z.null()),
      secrets: z.record(z.string(), z.object({ file: z.string() })),
    })
    .parse(parse(uncommented, { customTags: [override] }));
  const named = services.claims.volumes.map((volume) => volume.split(':')[0] ?? '').filter((name) => /^\w/.test(name));
  expect(Object.keys(volumes)).toEqual(expect.arrayContaining(named));
  expect(named).toEqual(['claims']);
  expect(Object.keys(secrets)).toEqual(services.claims.secrets);
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
