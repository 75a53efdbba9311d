/**
 * `npm run bench -- [--rows N] [--repeat N] [--scenario NAME,…] [--patience SECONDS] [--json] [--write]`: measures
 * Landfall against its peers on the same generated files. Prints a table, or JSON; `--write` also writes bench/RESULTS.md.
 * With `--patience` each measurement waits so long for a machine on which nothing else runs.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Context } from './context.ts';
import { machine, reached, renderMarkdown, renderText, type ScenarioResult } from './report.ts';
import { crowd, idle, latency, smallFiles } from './scenarios/daemon.ts';
import { daily, growth } from './scenarios/daily.ts';
import { guards } from './scenarios/guards.ts';
import { presence, size } from './scenarios/large.ts';
import { lists } from './scenarios/lists.ts';
import { bulk, childrenFirst, redelivery } from './scenarios/load.ts';
import { page } from './scenarios/page.ts';
import { serverBulk, serverDaily, serverFeeds, serverSmallFiles } from './scenarios/server.ts';

const SCENARIOS: Readonly<Record<string, (context: Context) => Promise<ScenarioResult>>> = {
  bulk,
  daily,
  redelivery,
  'children-first': childrenFirst,
  growth,
  guards,
  size,
  latency,
  crowd,
  'small-files': smallFiles,
  idle,
  presence,
  lists,
  page,
  'server-bulk': serverBulk,
  'server-daily': serverDaily,
  'server-feeds': serverFeeds,
  'server-small-files': serverSmallFiles,
};

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    repeat: { type: 'string', default: '3' },
    scenario: { type: 'string' },
    patience: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const USAGE = `usage: npm run bench -- [OPTIONS]
  --rows N            transactions of the feed (default 1000000, at least 1000); the other sizes follow it
  --repeat N          runs of each contender; the median counts (default 3)
  --scenario NAME,…   only these: ${Object.keys(SCENARIOS).join(', ')}
  --patience SECONDS  how long each measurement waits for a machine on which nothing else runs (default 0)
  --json              as JSON instead of a table
  --write             also writes bench/RESULTS.md
`;
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const names = values.scenario?.split(',') ?? Object.keys(SCENARIOS);
const context: Context = {
  rows: Number(values.rows),
  repeat: Number(values.repeat),
  patienceMs: Number(values.patience) * 1000,
  say: (progress) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${progress}\n`),
};
const unknown = names.filter((name) => !(name in SCENARIOS));
if (unknown.length > 0 || !(context.rows >= 1000) || !(context.repeat >= 1) || !(context.patienceMs >= 0)) {
  process.stderr.write(USAGE);
  process.exit(1);
}

const results: ScenarioResult[] = [];
for (const name of names) {
  const run = SCENARIOS[name];
  if (run !== undefined) results.push(await run(context));
}
if (values.json) {
  const judged = results.map((each) => ({
    ...each,
    marks: each.marks.map((mark) => ({ ...mark, reached: reached(mark) })),
  }));
  process.stdout.write(`${JSON.stringify({ machine: machine(), rows: context.rows, results: judged }, null, 2)}\n`);
} else {
  process.stdout.write(renderText(results));
}
if (values.write) writeFileSync(join(import.meta.dirname, 'RESULTS.md'), renderMarkdown(results, context.rows));
