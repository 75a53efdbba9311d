import { expect, test } from 'vitest';
import { STARTING, type Work } from '../../src/model/work.ts';
import { createProgress, summaryOf, type Progress } from '../../src/output/progress.ts';
import type { Output } from '../../src/system/io.ts';
import { captureIo } from '../helpers/command-io.ts';

const CLEAR_LINE = '\r\u001b[K';

function start(columns = 80): {
  progress: Progress;
  terminal: Output;
  out: () => string;
  clock: { ms: number };
  reader: { behind: boolean };
} {
  const { stdout, written } = captureIo({ terminal: true });
  const clock = { ms: 0 };
  const reader = { behind: false };
  const terminal = { ...stdout, columns, lossy: { isBehind: () => reader.behind, onDropped: () => undefined } };
  return { progress: createProgress(terminal, () => clock.ms), terminal, out: () => written.out, clock, reader };
}

function work(taken: number, due: number, file: Work['file'] = null): Work {
  return { ...STARTING, taken: { ...STARTING.taken, files: taken }, due, file };
}

test('the bar stands below the log lines, and leaves nothing behind', () => {
  const { progress, out, clock } = start();
  progress.output.write('before\n');
  progress.show(work(0, 2));
  progress.output.write('line 1\n');
  clock.ms += 100;
  progress.show(work(1, 1));
  progress.end();
  progress.output.write('after\n');
  const bar = (full: number, files: string): string =>
    `${CLEAR_LINE}${'█'.repeat(full)}${'░'.repeat(24 - full)} ${files}`;
  expect(out()).toBe(
    `before\n\u001b[?25l${bar(0, '0/2 files')}${CLEAR_LINE}line 1\n${bar(0, '0/2 files')}${bar(12, '1/2 files')}` +
      `${CLEAR_LINE}\u001b[?25hafter\n`,
  );
});

test('an error stands on a line of its own, above the bar', () => {
  const { progress, out, terminal } = start();
  const stderr = progress.errors(terminal);
  progress.show(work(0, 2));
  stderr.write('landfall: no\n');
  progress.end();
  stderr.write('after\n');
  const bar = `${CLEAR_LINE}${'░'.repeat(24)} 0/2 files`;
  expect(out()).toBe(`\u001b[?25l${bar}${CLEAR_LINE}landfall: no\n${bar}${CLEAR_LINE}\u001b[?25hafter\n`);
});

test('the bar is never wider than the terminal', () => {
  const { progress, out } = start(40);
  progress.show(work(0, 1, { name: 'x'.repeat(300), phase: 'reading', rows: 0, bytesRead: 1, bytesTotal: 2 }));
  for (const line of out().split(CLEAR_LINE)) expect(line.length).toBeLessThan(40);
});

test.each([
  ['hashing', 57, 'checking 57 %'],
  ['reading', 1, 'loading 1 %'],
  ['healing', 100, 'healing'],
] as const)('80 columns have room for the step and how far it is: %s', (phase, bytesRead, step) => {
  const { progress, out } = start();
  const name = 'HospitalABC_VisitPay_Transaction_[20260801_060000].txt';
  progress.show(work(7, 8, { name, phase, rows: 0, bytesRead, bytesTotal: 100 }));
  const line = out().split(CLEAR_LINE).at(-1) ?? '';
  expect(line).toContain(` 7/15 files  ${step}  …`);
  expect(line).toMatch(/_Transaction_\[20260801_060000\]\.txt$/);
  expect(line.length).toBeLessThan(80);
});

test('the summary leaves zeros out, groups digits, and names each cause with its command, within 80 columns', () => {
  const none = { ...STARTING.taken, files: 14, rows: 302, inserted: 232, updated: 15 };
  expect(
    summaryOf(
      { ...STARTING, taken: { ...none, rejectedRows: 3, quarantined: 1 } },
      4500,
      null,
      " --db 'my clinic.sqlite'",
    ),
  ).toBe(
    'Files    14 taken, 1 quarantined\n' +
      'Rows     302 read: 232 inserted, 15 updated, 3 rejected\n' +
      "Look at  1 quarantined file   landfall status --db 'my clinic.sqlite'\n" +
      "         3 rejected rows      landfall rejects --db 'my clinic.sqlite'\n" +
      'Took     4.5 s\n',
  );
  const many = 1_500_000;
  const outcomes = { inserted: many, updated: many, unchanged: many, stale: many, waiting: many, rejectedRows: many };
  const text = summaryOf({ ...STARTING, taken: { ...none, ...outcomes, rows: 6 * many } }, 4_500_000, null, '');
  expect(text).toContain('Rows     9,000,000 read: 1,500,000 inserted, 1,500,000 updated,');
  expect(text).toContain('         1,500,000 waiting rows    landfall rejects\nTook     4,500 s\n');
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(summaryOf(STARTING, 0, null, '')).toBe(
    'Files    0 taken, 0 quarantined\nRows     0 read\nLook at  nothing\nTook     0.0 s\n',
  );
  expect(summaryOf(STARTING, 0, { quarantined: 2, rejectedRows: 0, waiting: 1 }, '')).toContain(
    'Look at  nothing new; from earlier runs:\n' +
      '         2 quarantined files   landfall status\n' +
      '         1 waiting row         landfall rejects\nTook',
  );
});

test('the bar follows a terminal that is resized', () => {
  const { stdout, written } = captureIo({ terminal: true });
  let columns = 80;
  const terminal = {
    ...stdout,
    get columns() {
      return columns;
    },
  };
  const file = { name: 'x'.repeat(300), phase: 'reading' as const, rows: 0, bytesRead: 1, bytesTotal: 2 };
  for (columns of [80, 60, 70]) {
    written.out = '';
    const progress = createProgress(terminal, () => 0);
    columns -= 5;
    progress.show(work(0, 1, file));
    expect(written.out.split(CLEAR_LINE).at(-1)).toHaveLength(columns - 1);
  }
});

test('the bar is full only when all is taken', () => {
  const { progress, out } = start();
  progress.show(work(59, 1));
  expect(out()).toContain('█░ 59/60 files');
});

test('where nothing is due there is no bar', () => {
  const { progress, out } = start();
  progress.show(work(0, 0));
  progress.end();
  expect(out()).toBe('');
});

test('P7: a terminal that takes nothing gets no bars, but every line, and its cursor back', () => {
  const { progress, out, clock, reader } = start();
  progress.show(work(0, 2));
  expect(out()).toContain('0/2 files');
  reader.behind = true;
  const before = out();
  for (let files = 1; files <= 2; files++) {
    clock.ms += 1000;
    progress.show(work(files, 2 - files));
    progress.output.write(`line ${files}\n`);
  }
  progress.end();
  expect(out().slice(before.length)).toBe('\r\u001b[Kline 1\n\r\u001b[Kline 2\n\r\u001b[K\u001b[?25h');
});
