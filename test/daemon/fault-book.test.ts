import { expect, test } from 'vitest';
import { createFaultBook } from '../../src/daemon/faults.ts';
import { createLog } from '../../src/log.ts';
import { captureIo } from '../helpers/command-io.ts';

test('thousands of files in fault are each logged once, and listed as fifty and a number', () => {
  const io = captureIo();
  const book = createFaultBook(
    createLog({ logLevel: 'trace', logFormat: 'json' }, io.stdout, 1),
    io.now,
    () => undefined,
  );
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
