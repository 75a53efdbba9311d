import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { feedFileName } from '../helpers/feed-files.ts';
import { openDesk, ROOT, type Desk } from '../helpers/ingest.ts';
import { procedure, transaction, visit } from '../helpers/rows.ts';
import { get, serveSite } from '../helpers/site.ts';

/** Reads the text format of Prometheus as its own client does, and prints the samples as JSON. */
const PARSE = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as parse
print(json.dumps([[f.name, f.type, bool(f.documentation), [[s.name, s.labels, s.value] for s in f.samples]] for f in parse(sys.stdin.read())]))`;

/** Debian's package python3-prometheus-client belongs to Debian's own Python. */
const PYTHON = ['/usr/bin/python3', 'python3'].find(
  (python) => spawnSync(python, ['-c', 'import prometheus_client']).status === 0,
);

/** Of Debian's package prometheus, or on the path. */
const PROMTOOL = [process.env['LANDFALL_TEST_PROMTOOL'] ?? '', '/usr/bin/promtool', 'promtool'].find(
  (promtool) => promtool !== '' && spawnSync(promtool, ['--version']).status === 0,
);

const RULES_FILE = join(ROOT, 'deploy/prometheus/rules.yml');
const RULES = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Landfall[A-Za-z]+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+m$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});

/** A correction, a late file, rows that wait and heal, refused rows and a refused file. */
async function openEventful(): Promise<Desk> {
  const desk = openDesk();
  await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', 'P2')]);
  await desk.deliver('Procedure', '20260802_060000', [procedure('P1'), 'P3|C1|||dear|']);
  await desk.deliver('Procedure', '20260801_060000', [procedure('P4')]);
  await desk.deliver('Procedure', '20260802_060000', [procedure('P1', 'second'), 'P3|C1|||dearer|']);
  await desk.deliver('Transaction', '20260801_060000', ['x|y'], { columns: ['x', 'y'] });
  await desk.deliver('Transaction', '20260802_060000', [transaction('T1', 'V1'), transaction('T2', 'V9')]);
  return desk;
}

async function metricsOf({ database, feed, landing }: Desk): Promise<string> {
  const { port } = await serveSite({ db: database.file, feed, landing });
  return (await get(port, '/metrics')).body;
}

/** The values of a metric, added up. */
function sumOf(text: string, name: string, label = ''): number {
  const samples = text.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(label));
  return samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('the metrics', () => {
  test("P3: their sums are the ledger's", async () => {
    const desk = await openEventful();
    const text = await metricsOf(desk);
    const loaded = "(state = 'ingested' OR (state = 'replaced' AND reason_code IS NULL))";
    const sum = (what: string): unknown => desk.column(`SELECT sum(${what}) FROM files WHERE ${loaded}`)[0];
    expect(sumOf(text, 'landfall_rows_total')).toBe(sum('rows_read'));
    expect(sum('rows_read')).toBe(9);
    for (const outcome of ['inserted', 'updated', 'unchanged', 'stale', 'rejected', 'waiting'])
      expect([outcome, sumOf(text, 'landfall_rows_total', `outcome="${outcome}"`)]).toEqual([
        outcome,
        sum(`rows_${outcome}`),
      ]);
    expect(sumOf(text, 'landfall_rows_refused_total')).toBe(sum('rows_rejected + rows_waiting'));
    expect(sumOf(text, 'landfall_files_ingested_total')).toBe(sum('1'));
    expect(sumOf(text, 'landfall_file_bytes_ingested_total')).toBe(sum('bytes'));
    expect(sumOf(text, 'landfall_quarantined_files')).toBe(1);
    const tables = desk.column(
      'SELECT (SELECT count(*) FROM procedures) + (SELECT count(*) FROM visits) + (SELECT count(*) FROM transactions)',
    );
    expect(sumOf(text, 'landfall_table_rows')).toBe(tables[0]);
    expect(sumOf(text, 'landfall_waiting_rows')).toBe(2);
  });

  test('count the faults that last, of every kind', async () => {
    const { database, feed, landing } = openDesk();
    const served = await serveSite({ db: database.file, feed, landing });
    const since = '2026-08-10T11:00:00.000Z';
    const kinds = ['landing', 'watch', 'file', 'database', 'archive', 'worker', 'http', 'alerts', 'receipts'] as const;
    const faults = kinds.map((kind) => ({ kind, file: null, problem: 'it is so', since }));
    served.work = { ...served.work, faults };
    const text = (await get(served.port, '/metrics')).body;
    for (const kind of kinds) expect(text).toContain(`landfall_faults{kind="${kind}"} 1\n`);
    expect(text.match(/^landfall_faults\{/gm)).toHaveLength(kinds.length);
  });

  test('P8: no label is from data: names of the feed, outcomes, codes and kinds alone', async () => {
    const desk = openDesk();
    desk.write(feedFileName('Visit', '20260801_060000'), 'x');
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1', { Facility: 'note"} 1\n# HELP' })]);
    const labels = (await metricsOf(desk)).matchAll(/\{([^}]*)\}/g);
    const values = [...labels].flatMap(([, text = '']) =>
      [...text.matchAll(/\w+="([^"]*)"/g)].map(([, value = '']) => value),
    );
    expect(values.length).toBeGreaterThan(20);
    expect(values.filter((value) => !/^(?:[a-z_]+|Procedure|Visit|Transaction|0\.0\.0)$/.test(value))).toEqual([]);
  });

  test('are those of the documents, and the rules for Prometheus ask for no others', async () => {
    const text = await metricsOf(await openEventful());
    const served = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
    const namesIn = (file: string): string[] =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/\blandfall_[a-z_]+/g)].map(([name]) => name);
    // Nothing is expected of this feed's datasets.
    const others = ['landfall_overdue_deliveries'];
    expect([...new Set(namesIn('docs/page.md'))].sort()).toEqual([...new Set([...served, ...others])].sort());
    expect(namesIn('deploy/prometheus/rules.yml').filter((name) => ![...served, ...others].includes(name))).toEqual([]);
  });

  test('the rules for Prometheus are whole, and use labels that the metrics they ask for have', async () => {
    const text = await metricsOf(await openEventful());
    const labelsOf = (name: string): string[] => {
      const [, labels = ''] = new RegExp(`^${name}\\{(.*)\\}`, 'm').exec(text) ?? [];
      return [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
    };
    const { groups } = RULES.parse(parse(readFileSync(RULES_FILE, 'utf8')));
    const rules = groups.flatMap((group) => group.rules);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, expr, annotations } of rules) {
      const metrics = [...expr.matchAll(/\b(?:landfall_\w+|up)\b/g)].map(([name]) => name);
      expect([alert, metrics.length > 0]).toEqual([alert, true]);
      // Nothing is expected of this feed's datasets: its labels are those of other metrics by dataset.
      const has = [...metrics.flatMap(labelsOf), 'instance', ...(expr.includes('overdue') ? ['dataset'] : [])];
      const used = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
      const matched = [...expr.matchAll(/(\w+)="/g)].map(([, label = '']) => label).filter((label) => label !== 'job');
      expect([alert, [...used, ...matched].filter((label) => !has.includes(label))]).toEqual([alert, []]);
    }
  });

  test.skipIf(PROMTOOL === undefined)(
    "are well named, and their rules taken, by Prometheus' own promtool",
    async () => {
      const promtool = (args: string[], input = ''): unknown => {
        const { status, stdout, stderr } = spawnSync(PROMTOOL ?? '', args, { input, encoding: 'utf8' });
        return { status, said: status === 0 ? '' : stdout + stderr };
      };
      expect(promtool(['check', 'rules', RULES_FILE])).toEqual({ status: 0, said: '' });
      expect(promtool(['check', 'metrics'], await metricsOf(await openEventful()))).toEqual({ status: 0, said: '' });
    },
  );

  test.skipIf(PYTHON === undefined)("are read by the parser of Prometheus' Python client", async () => {
    const text = await metricsOf(await openEventful());
    const parsed = spawnSync(PYTHON ?? '', ['-c', PARSE], { input: text, encoding: 'utf8' });
    expect(parsed.stderr).toBe('');
    const families = JSON.parse(parsed.stdout) as [string, string, boolean, [string, object, number][]][];
    expect(families.length).toBeGreaterThan(20);
    for (const [name, type, isDocumented, samples] of families) {
      expect([name, isDocumented]).toEqual([name, true]);
      expect(name).toMatch(/^landfall_[a-z_]+$/);
      // A counter says so by its name, and nothing else does; times are seconds since 1970, sizes bytes.
      expect([name, type]).toEqual([
        name,
        samples.every(([sample]) => sample.endsWith('_total')) ? 'counter' : 'gauge',
      ]);
      expect(samples.length).toBeGreaterThan(0);
      for (const [, , value] of samples) expect(Number.isFinite(value) && value >= 0).toBe(true);
    }
    const rows = families.find(([name]) => name === 'landfall_rows')?.[3] ?? [];
    expect(rows.reduce((sum, [, , value]) => sum + value, 0)).toBe(sumOf(text, 'landfall_rows_total'));
  });
});
