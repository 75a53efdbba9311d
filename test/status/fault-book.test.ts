import { expect, test } from 'vitest';
import { createFaultBook } from '../../src/status/faults.ts';
import { createEvents, type Events } from '../../src/model/events.ts';
import { logFaults } from '../../src/output/event-log.ts';
import { createLog } from '../../src/output/log.ts';
import { captureIo } from '../helpers/command-io.ts';

const HOUR = 3_600_000;

/** Events of faults that go into a log, a line each. */
function loggedTo({ stdout }: ReturnType<typeof captureIo>): Events {
  const events = createEvents();
  logFaults(events, createLog({ logLevel: 'trace', logFormat: 'json' }, stdout, 1));
  return events;
}

test('thousands of files in fault are each logged once, and listed as fifty and a number', () => {
  const io = captureIo();
  const book = createFaultBook(loggedTo(io), io.now);
  book.begin({ kind: 'landing', file: null, problem: 'it is not there' });
  for (let at = 0; at < 10_000; at++) book.begin({ kind: 'file', file: `${at}.txt`, problem: 'it cannot be read' });
  book.begin({ kind: 'file', file: '7.txt', problem: 'it cannot be read' });
  const listed = book.list();
  expect(listed).toHaveLength(52);
  expect(listed[0]).toMatchObject({ kind: 'landing' });
  expect(listed[1]).toMatchObject({ kind: 'file', file: '0.txt' });
  expect(listed[51]).toMatchObject({ kind: 'file', file: null, problem: '9950 more files, named in the log' });
  expect(io.written.out.split('\n')).toHaveLength(10_002);
  for (let at = 0; at < 9_960; at++) book.end('file', `${at}.txt`);
  expect(book.list()).toHaveLength(41);
});

test('P7: a list of thousands of files in fault asks once how long the machine runs: it is made anew with each of them', () => {
  let asked = 0;
  const book = createFaultBook(
    createEvents(),
    () => new Date(0),
    () => ++asked,
  );
  for (let at = 0; at < 10_000; at++) book.begin({ kind: 'file', file: `${at}.txt`, problem: 'it cannot be read' });
  asked = 0;
  expect(book.list()).toHaveLength(51);
  expect(asked).toBe(1);
});

test.each([
  ['two hours back', -2 * HOUR],
  ['from 1970 to today', 56 * 365 * 24 * HOUR],
])('a fault is as old as the time that passes says, though the clock is set %s', (_, ms) => {
  const begun = Date.parse('2026-08-10T12:00:00Z');
  let wall = begun;
  let passed = 5_000_000;
  const io = captureIo();
  const book = createFaultBook(
    loggedTo(io),
    () => new Date(wall),
    () => passed,
  );
  const pass = (time: number): void => {
    wall += time;
    passed += time;
  };
  book.begin({ kind: 'landing', file: null, problem: 'it is not there' });
  pass(60_000);
  wall += 100;
  expect(book.list()[0]?.since).toBe('2026-08-10T12:00:00.000Z');
  wall += ms - 100;
  pass(60_000);
  expect(book.list()[0]?.since).toBe(new Date(begun + ms).toISOString());
  book.end('landing');
  expect(JSON.parse(io.written.out.split('\n')[1] ?? '')).toMatchObject({ seconds: 120 });
});
