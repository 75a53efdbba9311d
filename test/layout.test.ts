import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadFeed } from '../src/feed/load.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SRC = path.join(ROOT, 'src');

/** The rooms, from the lowest to the highest: a room imports from itself and from lower ones. */
const ROOMS = [
  'columns',
  'model',
  'system',
  'protection',
  'feed',
  'settings',
  'reader',
  'output',
  'store',
  'landing',
  'archive',
  'ingest',
  'proposal',
  'export',
  'status',
  'findings',
  'http',
  'alerts',
  'worker',
  'supervisor',
  'commands',
  'verbs',
];

/** The files beside the rooms: they stand above them all. */
const ENTRIES = ['main.ts', 'command-line.ts'];

/** Every source file and the source files it imports, as paths below src/. */
const imports = new Map(
  fs
    .readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, importsOf(file)]),
);

function importsOf(file: string): readonly string[] {
  const text = fs.readFileSync(path.join(SRC, file), 'utf8');
  const found = text.matchAll(/(?:from |import\(|new URL\()'(\.[^']+\.ts)'/g);
  return [...found].map(([, target = '']) => path.join(path.dirname(file), target));
}

/** The packages that are loaded with a file: by itself, and by what it loads at once. */
function packagesWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  const text = fs.readFileSync(path.join(SRC, file), 'utf8');
  const packages = new Set<string>();
  for (const [, target = ''] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm)) {
    const below = path.join(path.dirname(file), target);
    if (!target.startsWith('.')) packages.add(target.startsWith('@') ? target : (target.split('/')[0] ?? ''));
    else if (!seen.has(below)) for (const name of packagesWith(below, seen.add(below))) packages.add(name);
  }
  return new Set([...packages].filter((name) => !name.startsWith('node:')));
}

/** The room a file is in; null: it stands beside the rooms. */
function roomOf(file: string): string | null {
  const [room = '', ...rest] = file.split(path.sep);
  return rest.length === 0 ? null : room;
}

/** The imports for which a rule does not hold, as `file → import`. */
function breaches(holds: (file: string, target: string) => boolean): readonly string[] {
  return [...imports].flatMap(([file, targets]) =>
    targets.filter((target) => !holds(file, target)).map((target) => `${file} → ${target}`),
  );
}

/** The files of the first circle of imports that is found; none: empty. */
function findCircle(): readonly string[] {
  const done = new Set<string>();
  const follow = (file: string, above: readonly string[]): readonly string[] => {
    if (above.includes(file)) return [...above.slice(above.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const target of imports.get(file) ?? []) {
      const circle = follow(target, [...above, file]);
      if (circle.length > 0) return circle;
    }
    done.add(file);
    return [];
  };
  for (const file of imports.keys()) {
    const circle = follow(file, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe('the layout', () => {
  test('has the rooms it is said to have, and every import leads to a file', () => {
    const rooms = new Set([...imports.keys()].map(roomOf).filter((room) => room !== null));
    expect([...rooms].sort()).toEqual([...ROOMS].sort());
    expect(breaches((_, target) => imports.has(target))).toEqual([]);
  });

  test('rooms import downwards only', () => {
    const downwards = (file: string, target: string): boolean => {
      const [from, to] = [roomOf(file), roomOf(target)];
      if (from === null) return ENTRIES.includes(file);
      return to !== null && ROOMS.indexOf(to) <= ROOMS.indexOf(from);
    };
    expect(breaches(downwards)).toEqual([]);
  });

  test('no files import each other in a circle', () => {
    expect(findCircle()).toEqual([]);
  });

  test('every word of the glossary is one that the code uses', () => {
    const glossary = fs.readFileSync(path.join(SRC, 'model/README.md'), 'utf8');
    const words = [...glossary.matchAll(/^\| (?!word)([a-z ]+) \|/gm)].map(([, word = '']) => word);
    const code = [...imports.keys()].map((file) => fs.readFileSync(path.join(SRC, file), 'utf8')).join('\n');
    expect(words.length).toBeGreaterThan(20);
    // As a word, in any form, or as a part of a name.
    expect(words.filter((word) => !new RegExp(word.replace(/e?$/, ''), 'i').test(code))).toEqual([]);
  });

  test('a package that not every command needs is loaded where it is used, not before', () => {
    expect([...packagesWith('main.ts')].sort()).toEqual(['commander', 'zod']);
    // A health check comes each half minute, and needs neither the feed nor words for the text.
    expect([...packagesWith('commands/status.ts')].sort()).toEqual(['better-sqlite3', 'zod']);
    expect([...packagesWith('commands/status-text.ts')].sort()).toEqual(['better-sqlite3', 'zod']);
    // The client of S3 least of all.
    expect([...packagesWith('commands/export.ts')].sort()).toEqual([
      'better-sqlite3',
      'hyparquet-writer',
      'yaml',
      'zod',
    ]);
    const daemon = ['chokidar', 'node-cron', 'node-unix-socket', 'pino', 'pino-pretty', 'zod'];
    expect([...packagesWith('commands/run.ts')].sort()).toEqual(daemon);
  });

  test("a database's own files and driver are seen in the store's room alone: everyone else uses its door", () => {
    const behind = /^store\/(?:sqlite|postgres)\//;
    expect(breaches((file, target) => roomOf(file) === 'store' || !behind.test(target))).toEqual([]);
    const drivers = /from '(?:better-sqlite3|pg|pg-copy-streams)'/;
    const found = [...imports.keys()].filter((file) => drivers.test(fs.readFileSync(path.join(SRC, file), 'utf8')));
    expect(found.filter((file) => roomOf(file) !== 'store')).toEqual([]);
    expect(found).toContain('store/sqlite/open.ts');
  });

  test('the words of one feed stand in its definition, its migration and tests, never in src/', () => {
    const { datasets } = loadFeed(path.join(ROOT, 'feeds/visitpay'));
    const words = datasets.flatMap(({ name, table, key }) => [name, `${name}s`, table, key.header, key.name]);
    const word = new RegExp(`\\b(?:${words.join('|')})\\b`);
    const found = [...imports.keys()].flatMap((file) =>
      fs
        .readFileSync(path.join(SRC, file), 'utf8')
        .split('\n')
        .flatMap((line, index) => (word.test(line) ? [`${file}:${index + 1}`] : [])),
    );
    expect(words).toContain('Visit');
    expect(found).toEqual([]);
  });
});
