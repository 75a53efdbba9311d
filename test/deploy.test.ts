import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS, variableOf } from '../src/settings/settings.ts';
import { ROOT } from './helpers/ingest.ts';

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
