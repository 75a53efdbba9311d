import { expect, test } from 'vitest';
import { describeError } from '../../src/output/error-report.ts';
import { FileRefused, LandfallError } from '../../src/model/errors.ts';
import type { Output } from '../../src/system/io.ts';
import { createLog, createRelay, type Logger } from '../../src/output/log.ts';
import type { Settings } from '../../src/settings/settings.ts';

interface Captured {
  readonly log: Logger;
  readonly text: () => string;
}

const PIPE: Output = {
  write: () => undefined,
  isTTY: false,
  columns: 80,
  colour: false,
  journal: false,
  lossy: null,
};

function capture(output: Partial<Output> = {}, settings: Partial<Settings> = {}): Captured {
  let text = '';
  const stdout: Output = { ...PIPE, write: (line) => void (text += line), ...output };
  return { log: createLog({ logLevel: 'trace', logFormat: 'auto', ...settings }, stdout, 7), text: () => text };
}

const FAKE = 'ZQX1907\n    at ZQX1907 (/fake.ts:1:2)';

test('a line is JSON with level, time, process and message', () => {
  const { log, text } = capture();
  log.info({ file: 'a.txt', rows: 3 }, 'ingested');
  expect(JSON.parse(text())).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    pid: 7,
    file: 'a.txt',
    rows: 3,
    msg: 'ingested',
  });
});

test('lines are there at once: nothing is lost when the process ends', () => {
  const { log, text } = capture();
  log.fatal('the last word');
  expect(text()).toContain('the last word');
});

test('journald gets the priority before each line, and the JSON behind it', () => {
  const { log, text } = capture({ journal: true });
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level]('x');
  const lines = text().trimEnd().split('\n');
  expect(lines.map((line) => line.slice(0, 3))).toEqual(['<7>', '<7>', '<6>', '<4>', '<3>', '<2>']);
  for (const line of lines) expect(JSON.parse(line.slice(3))).toMatchObject({ msg: 'x' });
});

test('a terminal gets readable lines, and no name can move its cursor', () => {
  const { log, text } = capture({ isTTY: true });
  log.warn({ file: 'a\u001b[2J\nb.txt' }, 'odd \u001b]0;name\u0007');
  log.error({ err: new LandfallError('open', 'no', { file: 'x\u001b[2Jy' }) });
  expect(text()).toMatch(/WARN.*odd \\x1b\]0;name\\x07/);
  expect(text()).not.toContain('\u001b');
  expect(text().split('\n')[0]).toContain('b.txt');
});

test('on a terminal a line is short: the file beside the message, details below, broken at words; what is zero is left out', () => {
  const file = 'HospitalABC_VisitPay_Transaction_[20260801_060000].txt';
  const rows = { read: 20, inserted: 18, updated: 0, waiting: 2 };
  const show = (columns: number): string[] => {
    const { log, text } = capture({ isTTY: true, columns });
    log.info({ file, revision: 1, late: false, rows, healed: 0, lines: [], ms: 45 }, 'ingested');
    log.warn({ fault: 'landing' }, '/landing does not exist (check its mount, owner and mode, or name another)');
    return text().trimEnd().split('\n');
  };
  expect(show(80)).toEqual([
    expect.stringMatching(
      /^\[\d\d:\d\d:\d\d\] INFO: ingested HospitalABC_VisitPay_Transaction_\[20260801_060000\]\.txt$/,
    ),
    '    revision=1 read=20 inserted=18 waiting=2 ms=45',
    expect.stringMatching(/^\[.*\] WARN: \/landing does not exist \(check its mount, owner and mode, or$/),
    '    name another)',
  ]);
  expect(show(40).slice(1, 4)).toEqual([`    ${file}`, '    revision=1 read=20 inserted=18', '    waiting=2 ms=45']);
  for (const line of show(40)) if (!line.includes(file)) expect(line.length).toBeLessThanOrEqual(40);
  const { log, text } = capture({}, { logFormat: 'pretty' });
  log.info({ file, revision: 1, rows, ms: 45 }, 'ingested');
  expect(text()).toMatch(/INFO: ingested \S+ revision=1 read=20 inserted=18 waiting=2 ms=45\n$/);
});

test('P8: on a terminal an unexpected error is its class and frames below the line', () => {
  const { log, text } = capture({ isTTY: true });
  log.error({ file: 'a.txt', err: new RangeError(FAKE) }, 'unexpected error; rolled back');
  expect(text()).toMatch(
    /ERROR: unexpected error; rolled back a\.txt\n {4}unexpected RangeError\n {4}at .*log\.test\.ts/,
  );
  expect(text()).not.toContain('ZQX');
});

test('the format can be chosen whatever the output is', () => {
  const { log, text } = capture({ isTTY: true }, { logFormat: 'json' });
  log.info('x');
  expect(JSON.parse(text())).toMatchObject({ msg: 'x' });
  const pretty = capture({}, { logFormat: 'pretty' });
  pretty.log.info('x');
  expect(pretty.text()).toMatch(/INFO.*: x/);
});

test('the log of another process is passed on in the form of this one', () => {
  const worker = capture();
  worker.log.warn({ file: 'a\u2028b\u001b[2J.txt' }, 'odd');
  const line = worker.text().trimEnd();
  const relayed = (output: Partial<Output>): string => {
    let text = '';
    const stdout = { ...PIPE, ...output, write: (written: string) => void (text += written) };
    const relay = createRelay({ logLevel: 'info', logFormat: 'auto' }, stdout);
    relay(line);
    relay('no record \u001b[2J');
    return text;
  };
  expect(relayed({})).toBe(`${line}\nno record \\x1b[2J\n`);
  expect(relayed({ journal: true })).toBe(`<4>${line}\nno record \\x1b[2J\n`);
  expect(relayed({ isTTY: true })).toMatch(/WARN.*odd.*\nno record/);
  expect(relayed({ isTTY: true })).not.toContain('\u001b');
});

test('it says how many lines the output has dropped', () => {
  const tell: ((lines: number) => void)[] = [];
  const { text } = capture({ lossy: { isBehind: () => false, onDropped: (listener) => tell.push(listener) } });
  tell.forEach((listener) => {
    listener(7);
  });
  expect(JSON.parse(text())).toMatchObject({
    level: 'warn',
    lines: 7,
    msg: expect.stringContaining('dropped') as string,
  });
});

test('no name in a line moves the cursor, and it is still JSON', () => {
  const name = 'a\u009b2J\u007f\u202e\n.txt';
  for (const logFormat of ['json', 'pretty'] as const) {
    const { log, text } = capture({}, { logFormat });
    log.info({ file: name }, 'x');
    expect(text()).toMatch(/^[^\p{Cc}\u202e]+\n$/u);
    if (logFormat === 'json') expect(JSON.parse(text())).toMatchObject({ file: name });
  }
});

test('the level is kept', () => {
  const { log, text } = capture({}, { logLevel: 'warn' });
  log.info('x');
  expect(text()).toBe('');
});

test('P8: of an unexpected exception class, code and frames are logged, never the message, however it is logged', () => {
  const error = Object.assign(new TypeError(FAKE, { cause: new Error(FAKE) }), { code: 'ERR_ODD' });
  const ways: ((log: Logger) => void)[] = [
    (log) => { log.error(error); },
    (log) => { log.error({ err: error }); },
    (log) => { log.error({ err: error, file: 'a.txt' }, 'failed'); },
    (log) => { log.child({ part: 'worker' }).error(error, 'failed'); },
    (log) => { log.error({ err: Object.assign(new Error('x'), { message: FAKE, code: 'ZQX 1907', name: 'ZQX' }) }); },
    (log) => { log.error({ err: new LandfallError('ingest', 'failed', { cause: error }) }); },
    (log) => { log.error({ err: FAKE }); },
  ]; // prettier-ignore
  for (const way of ways) {
    const { log, text } = capture();
    way(log);
    expect(text()).not.toContain('ZQX');
    expect(text().split('\n')).toHaveLength(2);
  }
  const { log, text } = capture();
  log.error(error);
  expect(JSON.parse(text())).toMatchObject({
    msg: 'unexpected TypeError',
    err: {
      type: 'TypeError',
      code: 'ERR_ODD',
      frames: expect.arrayContaining([expect.stringContaining('log.test.ts')]) as string[],
    },
  });
});

test('our own errors keep their message, a sentence about the file; what was tried stands beside it', () => {
  const { log, text } = capture();
  log.error(new LandfallError('open database', 'it is locked', { file: '/x', hint: 'wait' }));
  log.error({ err: new FileRefused('no_header', 'no line looks like the header') }, 'quarantined');
  const [first, second] = text().trimEnd().split('\n');
  expect(JSON.parse(first ?? '')).toMatchObject({
    msg: '/x is locked (wait)',
    err: { type: 'LandfallError', message: '/x is locked (wait)', operation: 'open database' },
  });
  expect(new LandfallError('open', 'the disk is full', { file: '/x' }).message).toBe('/x: the disk is full');
  expect(new LandfallError('open', '--db is empty').message).toBe('--db is empty');
  expect(JSON.parse(second ?? '')).toMatchObject({
    msg: 'quarantined',
    err: { message: 'no line looks like the header' },
  });
});

test('P8: an error on standard error is one line, or class and frames', () => {
  expect(describeError(new LandfallError('open database', 'it is locked', { file: '/x' }))).toBe('/x is locked');
  const text = describeError(new RangeError(FAKE, { cause: new Error(FAKE) }));
  expect(text).toMatch(/^unexpected RangeError\n {4}at .*log\.test\.ts/);
  expect(text).toContain('caused by Error\n');
  expect(text).not.toContain('ZQX');
  expect(describeError(FAKE)).toBe('unexpected string');
});
