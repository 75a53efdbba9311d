import Database from 'better-sqlite3';
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import { layOut } from '../src/output/table.ts';
import type { Output } from '../src/system/io.ts';

/** One contender's run of a scenario, or one thing measured in it. */
export interface Figure {
  readonly what: string;
  readonly rowsPerSecond?: number;
  readonly ms?: number;
  readonly peakMib?: number;
  /** Said where there is nothing to measure. */
  readonly note?: string;
}

/** Something a scenario must reach. */
export interface Mark {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly about: string;
  readonly figures: readonly Figure[];
  readonly marks: readonly Mark[];
}

/** Whether a mark is reached. */
export function reached(mark: Mark): boolean {
  return mark.value >= (mark.atLeast ?? -Infinity) && mark.value <= (mark.atMost ?? Infinity);
}

/** The middle of several values; of an even count the upper middle. @throws RangeError when there are none */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that a share (0–1) of all values does not exceed. @throws RangeError when there are none */
export function percentile(values: readonly number[], share: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
  if (value === undefined) throw new RangeError('no values');
  return value;
}

/** A terminal as wide as it takes. */
const TERMINAL: Output = {
  write: () => undefined,
  isTTY: true,
  columns: Infinity,
  colour: false,
  journal: false,
  lossy: null,
};

/** Results as a table for a terminal. */
export function renderText(results: readonly ScenarioResult[]): string {
  return results
    .map((result) => {
      const figures = layOut(TERMINAL, ['what', 'rows/s', 'ms', 'peak MiB', 'note'], cells(result));
      const marks = result.marks.map((mark) => `  ${reached(mark) ? 'reached' : 'MISSED '}  ${sayMark(mark)}`);
      return [`${result.scenario}: ${result.about}`, figures.trimEnd(), ...marks, ''].join('\n');
    })
    .join('\n');
}

/** Results as a page of Markdown, with where and when they were measured. */
export function renderMarkdown(results: readonly ScenarioResult[], rows: number): string {
  const sections = results.map((result) =>
    [
      `## ${result.scenario}`,
      '',
      result.about,
      '',
      '| | rows/s | ms | peak MiB | |',
      '|---|--:|--:|--:|---|',
      ...cells(result).map((row) => `| ${row.join(' | ')} |`),
      '',
      ...result.marks.map((mark) => `- ${reached(mark) ? 'reached' : '**missed**'}: ${sayMark(mark)}`),
      '',
    ].join('\n'),
  );
  return [
    `# Results of \`npm run bench\``,
    '',
    ...machine().map((line) => `- ${line}`),
    `- size: --rows ${rows}`,
    '',
    ...sections,
  ].join('\n');
}

function cells(result: ScenarioResult): string[][] {
  const round = (value: number | undefined): string =>
    value === undefined ? '' : Math.round(value).toLocaleString('en-US');
  return result.figures.map((each) => {
    const ms = each.ms !== undefined && each.ms < 100 ? each.ms.toFixed(1) : round(each.ms);
    return [each.what, round(each.rowsPerSecond), ms, round(each.peakMib), each.note ?? ''];
  });
}

function sayMark(mark: Mark): string {
  const value = mark.value >= 100 ? Math.round(mark.value).toLocaleString('en-US') : mark.value.toFixed(2);
  const goal = mark.atLeast === undefined ? `at most ${mark.atMost ?? ''}` : `at least ${mark.atLeast}`;
  return `${mark.what}: ${value} ${mark.unit} (${goal})`.replace('  ', ' ');
}

/** Machine, versions and date. */
export function machine(): string[] {
  const db = new Database(':memory:');
  const sqlite = String(db.prepare('SELECT sqlite_version()').pluck().get());
  db.close();
  const version = (command: string, args: readonly string[]): string => {
    try {
      return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
        .trim()
        .split(' ')
        .slice(0, 2)
        .join(' ');
    } catch {
      return 'not installed';
    }
  };
  const processors = cpus();
  return [
    `date: ${new Date().toISOString().slice(0, 10)}`,
    `machine: ${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    `Node ${process.versions.node}, SQLite ${sqlite} in better-sqlite3; sqlite3 shell ${version('sqlite3', ['--version'])}; ` +
      `${version('python3', ['--version'])} with SQLite ${version('python3', ['-c', 'import sqlite3; print(sqlite3.sqlite_version)'])}`,
  ];
}
