import type { Command } from 'commander';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FILE_CODES, REJECT_CODES, WARNING_CODES } from '../src/model/codes.ts';
import { createCommandLine } from '../src/command-line.ts';
import { files } from '../src/commands/files.ts';
import { rejects } from '../src/commands/rejects.ts';
import { status } from '../src/commands/status.ts';
import { EXIT_CODES } from '../src/model/exit-codes.ts';
import type { ColumnType } from '../src/columns/column-type.ts';
import { COLUMN_TYPES, type ColumnTypeName } from '../src/columns/registry.ts';
import { PROTECTIONS } from '../src/columns/protections.ts';
import { createRowMapper } from '../src/columns/row-mapper.ts';
import { RULE_CODES } from '../src/columns/row-rules.ts';
import { readFileName } from '../src/feed/file-name.ts';
import { loadFeed } from '../src/feed/load.ts';
import { ruleShape } from '../src/feed/rules.ts';
import type { Column } from '../src/model/feed.ts';
import { readSettings } from '../src/settings/read-settings.ts';
import { LIMITS } from '../src/reader/limits.ts';
import { createSurveyor } from '../src/reader/sniff.ts';
import { openTable } from '../src/reader/table.ts';
import { defaultOf, flagOf, SETTINGS, variableOf } from '../src/settings/settings.ts';
import { STORAGE_TYPES } from '../src/store/postgres/scratch.ts';
import { declarationFor } from '../src/store/sqlite/affinity.ts';
import { createBilling } from './helpers/billing.ts';
import { captureIo } from './helpers/command-io.ts';
import { FEED_FILE, openDesk, ROOT } from './helpers/ingest.ts';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const PAGES = [
  README,
  ...readdirSync(join(ROOT, 'docs'))
    .filter((page) => page.endsWith('.md'))
    .map((page) => readFileSync(join(ROOT, 'docs', page), 'utf8')),
];
/** The README and all pages that it leads to. */
const DOCUMENTS = PAGES.join('\n');
const CONTRIBUTING = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
const feed = loadFeed(FEED_FILE);

/** The text under a heading, up to the next one; of a page's title, the page. */
function section(title: string): string {
  for (const page of PAGES) {
    if (page.startsWith(`# ${title}\n`)) return page;
    const [, text] = page.split(`\n## ${title}\n`);
    if (text !== undefined) return text.split('\n## ')[0] ?? '';
  }
  throw new Error(`there is no page and no section ${title}`);
}

/** The rows of all tables in a text, as cells; header and rule lines left out. */
function tableRows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  const rules = lines.flatMap((line, at) => (/^\|[-|]+\|$/.test(line) ? [at - 1, at] : []));
  return lines
    .filter((_, at) => !rules.includes(at))
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim())); // prettier-ignore
}

/** What stands between backticks. */
function code(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => (match[1] ?? '').replaceAll('\\|', '|'));
}

function commands(): readonly Command[] {
  return createCommandLine({ open: () => captureIo() }, () => undefined).commands;
}

describe('the command line', () => {
  test('every option and variable is documented', () => {
    for (const command of commands()) {
      for (const option of command.options)
        if (!option.hidden) expect(DOCUMENTS, `${command.name()} ${String(option.long)}`).toContain(option.long);
    }
    for (const info of SETTINGS) expect(DOCUMENTS).toContain(variableOf(info.name));
  });

  test('every documented option and variable is there', () => {
    const known = commands().flatMap((command) => command.options.map((option) => option.long));
    const ownText = DOCUMENTS.replaceAll(/npm [^\n`]*/g, '');
    for (const [flag] of ownText.matchAll(/--[a-z][a-z-]+/g)) expect(known).toContain(flag);
    const variables = ['LANDFALL_SETTINGS', ...SETTINGS.map((info) => variableOf(info.name))];
    for (const [variable] of DOCUMENTS.matchAll(/LANDFALL_[A-Z_]+(?!\*)\b/g)) expect(variables).toContain(variable);
  });

  test('every command is documented, and the reverse', () => {
    const documented = tableRows(section('Commands'))
      .map((row) => code(row[0] ?? '')[0]?.split(' ')[0])
      .filter((word) => word?.startsWith('--') === false);
    const shown = commands().filter((command) => !['worker', 'reader'].includes(command.name()));
    expect(documented.sort()).toEqual(shown.map((command) => command.name()).sort());
  });

  test('the settings table has the names and defaults of the code', () => {
    const rows = tableRows(section('Settings')).map((row) => row.slice(0, 3).map((cell) => code(cell)[0] ?? cell));
    expect(rows).toEqual(SETTINGS.map((info) => [flagOf(info.name), variableOf(info.name), defaultOf(info)]));
  });

  test('the exit codes are those of the code', () => {
    expect(tableRows(section('Exit codes')).map(([exit = '', meaning]) => [code(exit)[0], meaning])).toEqual(
      Object.entries(EXIT_CODES),
    );
  });
});

describe('the feed', () => {
  test('every example of a file name becomes what the README says', () => {
    const rows = tableRows(section('File names'));
    expect(rows.length).toBeGreaterThan(10);
    for (const [name = '', said = ''] of rows) {
      const found = readFileName(feed, code(name)[0] ?? '');
      const expected =
        found.kind === 'taken' ? (found.warning === null ? 'taken' : 'taken, with a warning')
        : found.kind === 'near_miss' ? `reported: \`${found.code}\``
        : found.kind === 'partial' ? 'an upload under way' : 'left alone'; // prettier-ignore
      expect(said.startsWith(expected), `${name} is ${expected}, not ${said}`).toBe(true);
      if (expected === 'taken') expect(said).toBe('taken');
    }
  });

  test('the table of columns is that of the feed', () => {
    const spell = (column: Column): string => {
      const parent = column.references === null ? '' : ` (of \`${column.references}\`)`;
      return `${column.header}${column.required ? '*' : ''} → \`${column.name}\`${parent}`;
    };
    expect(tableRows(section('The tables'))).toEqual(
      feed.datasets.map((dataset) => [dataset.name, `\`${dataset.table}\``, dataset.columns.map(spell).join(', ')]),
    );
  });

  test('the diagram of the tables shows the references of the feed', () => {
    const lines = [...DOCUMENTS.matchAll(/^ {2}(\w+) (\|\||\|o)--o\{ (\w+) : (\w+)$/gm)].map((match) => match.slice(1));
    const references = feed.datasets.flatMap((dataset) =>
      dataset.columns.flatMap(({ references: parent, required, name }) =>
        parent === null ? [] : [[parent, required ? '||' : '|o', dataset.table, name]],
      ),
    );
    expect(lines.sort()).toEqual(references.sort());
  });

  test('the codes and their meanings are those of the code', () => {
    const rows = tableRows(section('Reject codes')).map(([word = '', meaning]) => [code(word)[0], meaning]);
    expect(rows).toEqual([REJECT_CODES, FILE_CODES, WARNING_CODES].flatMap((codes) => Object.entries(codes)));
  });

  test('the types, and what is taken and refused of each, are those of the registry', () => {
    const rows = tableRows(section('What is taken and what is refused')).filter((row) => row.length === 3);
    const cell = (examples: readonly string[]) => examples.map((example) => `\`${example}\``).join(' ');
    expect(rows).toEqual(
      Object.entries(COLUMN_TYPES).map(([name, { taken, refused }]) => [name, cell(taken), cell(refused)]),
    );
    expect(feed.format.nulls).toEqual(['NULL']);
  });

  test('how each type is kept is that of the stores, and what a feed may say of it that of the registry', () => {
    const rows = tableRows(section('How values are kept')).map((row) => [row[0], row[1], row[2], row[4], row[5]]);
    expect(rows).toEqual(
      Object.entries<ColumnType>(COLUMN_TYPES).map(([name, { storage, mayBeKey, parameters = [], needs = [] }]) => [
        `\`${name}\``,
        `\`${declarationFor(storage)}\``,
        `\`${STORAGE_TYPES[storage]}\``,
        mayBeKey ? 'yes' : 'no',
        parameters.map((word) => `\`${word}\`${needs.includes(word) ? ' (needed)' : ''}`).join(', '),
      ]),
    );
  });

  test('what `protect` may say, and what is then stored, are those of the code (P9)', () => {
    const rows = tableRows(section('Protection')).filter((row) => row.length === 3);
    expect(rows.map(([word = '', says]) => [code(word)[0], says])).toEqual(
      Object.entries(PROTECTIONS).map(([name, { says }]) => [name, says]),
    );
  });

  test('the rules, their codes and their severities are those of the code', () => {
    const rules = tableRows(section('Rules'));
    const named = (columns: number) =>
      rules.filter((row) => row.length === columns).map((row) => code(row[0] ?? '')[0]);
    const codes = rules.filter((row) => row.length === 4).map((row) => code(row[3] ?? '')[0]);
    const { severity, ...shape } = ruleShape;
    expect(named(4)).toEqual(Object.keys(shape));
    expect(codes).toEqual(Object.keys(RULE_CODES));
    expect(named(2)).toEqual(severity.unwrap().options);
  });

  test.each(Object.keys(COLUMN_TYPES) as ColumnTypeName[])('the examples of %s are taken and refused', (type) => {
    const { examplesWith: parameters = {} }: ColumnType = COLUMN_TYPES[type];
    const columns = [{ header: 'Value', name: 'value', type, required: true, parameters }];
    const mapper = createRowMapper(columns, feed.format, [0]);
    for (const value of COLUMN_TYPES[type].taken) expect(mapper.map([value], []), `${value} is taken`).toBeNull();
    for (const value of COLUMN_TYPES[type].refused)
      expect(mapper.map([value], []), `${value} is refused`).not.toBeNull();
  });
});

describe('the reader', () => {
  const dialects = section('What is taken and what is refused');
  const cellOf = (name: string): string => tableRows(dialects).find((row) => row[0] === name)?.[1] ?? '';
  const FORMAT = { ...feed.format, delimiter: null, quote: null, escape: null, encoding: null };

  function open(bytes: Uint8Array): ReturnType<typeof openTable> {
    const dataset = feed.datasets[0] ?? null;
    const surveyor = createSurveyor(FORMAT);
    surveyor.update(bytes);
    return openTable([bytes], { dataset, format: FORMAT, survey: surveyor.finish() });
  }

  function fileOf(delimiter: string, newline = '\n', quote = ''): string {
    const header = feed.datasets[0]?.columns.map((column) => column.header) ?? [];
    const row = ['P1', 'C1', 'CPT', `${quote}Visit${quote === '' ? '' : delimiter}é${quote}`, '1.00', '2026-08-01'];
    return [header, row, row].map((cells) => `${cells.join(delimiter)}${newline}`).join('');
  }

  test('every delimiter that it names is found', () => {
    const named = code(cellOf('delimiter').split(';  ')[0] ?? '');
    expect(named).toEqual(['|', ',', ';', '^', '~']);
    for (const delimiter of [...named, '\t'])
      expect(open(Buffer.from(fileOf(delimiter))).dialect.delimiter).toBe(delimiter);
  });

  test('both quotes and all line ends that it names are found', () => {
    for (const quote of code(cellOf('quotes')))
      expect(open(Buffer.from(fileOf('|', '\n', quote))).dialect.quote).toBe(quote);
    const ends = { LF: '\n', CRLF: '\r\n', CR: '\r' };
    for (const [name, newline] of Object.entries(ends)) {
      expect(cellOf('line ends')).toContain(name);
      expect(open(Buffer.from(fileOf('|', newline))).dialect.newline).toBe(name.toLowerCase());
    }
  });

  test('every encoding that it names is found', () => {
    const text = fileOf('|');
    const le = Buffer.from(`\uFEFF${text}`, 'utf16le');
    const bytes: Record<string, Buffer> = {
      'utf-8': Buffer.from(text),
      'utf-16le': le,
      'utf-16be': Buffer.from(le).swap16(),
      'windows-1252': Buffer.from(text, 'latin1'),
    };
    expect(code(cellOf('encoding'))).toEqual(Object.keys(bytes));
    for (const [encoding, content] of Object.entries(bytes)) expect(open(content).dialect.encoding).toBe(encoding);
  });

  test('its limits are those of the code', () => {
    const { quotedCharacters, quotedLines, lineBytes } = LIMITS;
    expect(cellOf('limits')).toContain(`${quotedCharacters.toLocaleString('en')} characters or ${quotedLines} lines`);
    expect(cellOf('limits')).toContain(`over ${lineBytes / 1024 / 1024} MiB`);
  });
});

describe('the database', () => {
  test('the queries of the pages run on a filled database', async () => {
    const desk = openDesk();
    const billing = createBilling(1);
    const procedure = billing.procedure();
    const visit = billing.visit(procedure);
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    await desk.deliver('Procedure', `${yesterday}_060000`, [procedure]);
    await desk.deliver('Visit', `${yesterday}_060000`, [visit, billing.visit(billing.procedure())]);
    await desk.deliver('Transaction', `${yesterday}_060000`, [billing.transaction(visit)]);
    const queries = [...DOCUMENTS.matchAll(/```sql\n([^`]+)```/g)].map((match) => match[1] ?? '');
    expect(queries.map((query) => desk.rows(query).length)).toEqual([3, 1, 1, 1]);
  });

  test('the JSON that is printed has the fields of the README', async () => {
    const desk = openDesk();
    const billing = createBilling(1);
    await desk.deliver('Visit', '20260801_060000', [billing.visit(billing.procedure())]);
    const settings = readSettings({ flags: { db: desk.database.file }, env: {}, cwd: ROOT, root: ROOT });
    const filter = { settings, state: [], code: [], file: null, since: null, limit: null, json: true };
    const printed = async (run: (io: ReturnType<typeof captureIo>) => Promise<number>): Promise<unknown> => {
      const io = captureIo();
      await run(io);
      return JSON.parse(io.written.out);
    };
    const tables = section('JSON').split(/\n(?=\| `(?:files|rejects|status)` \|)/);
    const documented = (name: string): string[] =>
      tableRows(tables.find((table) => table.startsWith(`| \`${name}\``)) ?? '').flatMap((row) => code(row[0] ?? ''));

    expect(await printed((io) => files(filter, io))).toEqual([
      expect.toSatisfy((row: object) => same(row, documented('files'))),
    ]);
    expect(await printed((io) => rejects({ ...filter, csv: false, raw: true }, io))).toEqual([
      expect.toSatisfy((row: object) => same(row, documented('rejects'))),
    ]);
    const answer = (await printed((io) => status({ settings, json: true, check: false }, io))) as Record<
      string,
      object
    >;
    const { path, bytes, wal_bytes: wal, problem, ...lists } = answer['database'] as Record<string, unknown>;
    expect([path, problem]).toEqual([desk.database.file, null]);
    expect([bytes, wal].every(Number.isInteger)).toBe(true);
    expect([...Object.keys(answer), ...Object.keys(lists)].sort()).toEqual(documented('status').sort());
    const [one] = lists['datasets'] as object[];
    expect(Object.keys(one ?? {})).toEqual(
      code(tableRows(tables.join('\n')).find((row) => row[0] === '`datasets`')?.[1] ?? ''),
    );
  });

  function same(row: object, fields: readonly string[]): boolean {
    expect(Object.keys(row).sort()).toEqual([...fields].sort());
    return true;
  }
});

describe('the pages', () => {
  const files = [
    'README.md',
    'CONTRIBUTING.md',
    'deploy/README.md',
    ...readdirSync(join(ROOT, 'docs'))
      .filter((page) => page.endsWith('.md'))
      .map((page) => `docs/${page}`),
  ];

  test('every link leads to a file, and every page is linked from the README', () => {
    for (const file of files) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      for (const [, target = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
        expect(existsSync(join(ROOT, dirname(file), target)), `${file} → ${target}`).toBe(true);
    }
    for (const file of files.filter((page) => page.startsWith('docs/'))) expect(README).toContain(`(${file})`);
  });

  test('the architecture names files and functions that there are', () => {
    const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    const named = [...text.matchAll(/`((?:src|test|docs|migrations)\/[\w./-]*)`(?: `(\w+)`)?/g)];
    expect(named.length).toBeGreaterThan(40);
    for (const [, path = '', name] of named) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      if (name !== undefined)
        expect(readFileSync(join(ROOT, path), 'utf8'), `${path} ${name}`).toMatch(
          new RegExp(`export (?:async )?function\\*? ${name}\\b`),
        );
    }
    for (const room of readdirSync(join(ROOT, 'src')).filter((each) => !each.endsWith('.ts')))
      expect(text).toContain(`\`src/${room}/\``);
  });

  test('the README is short', () => {
    expect(README.split('\n').length).toBeLessThanOrEqual(150);
  });
});

describe('CONTRIBUTING', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >;

  test('names every direct dependency with its reason, and no other', () => {
    const rows = tableRows(CONTRIBUTING.split('## Dependencies')[1] ?? '');
    const named = rows.flatMap(([names = '']) => code(names));
    const direct = [...Object.keys(manifest['dependencies'] ?? {}), ...Object.keys(manifest['devDependencies'] ?? {})];
    expect(named.sort()).toEqual(direct.sort());
    for (const row of rows) expect(row[1]).toMatch(/\w{4}/);
  });

  test('names only scripts that there are', () => {
    for (const text of [DOCUMENTS, CONTRIBUTING]) {
      for (const [, script = ''] of text.matchAll(/npm run (?:-s )?([a-z:]+)/g))
        expect(Object.keys(manifest['scripts'] ?? {})).toContain(script);
    }
  });
});
