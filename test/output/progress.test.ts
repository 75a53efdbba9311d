import { expect, test } from 'vitest';
import { createProgress } from '../../src/output/progress.ts';
import { STARTING } from '../../src/model/work.ts';
import { captureIo } from '../helpers/command-io.ts';

test('P7: a terminal that takes nothing gets no bars, but every line, and its cursor back', () => {
  const { stdout, written } = captureIo({ terminal: true });
  let behind = false;
  const progress = createProgress({
    ...stdout,
    lossy: { isBehind: () => behind, onDropped: () => undefined },
  });
  progress.show({ ...STARTING, due: 2 });
  expect(written.out).toContain('0/2 files');
  behind = true;
  const before = written.out;
  for (let files = 1; files <= 2; files++) {
    progress.show({ ...STARTING, taken: { files, rows: files, quarantined: 0, rejectedRows: 0 }, due: 2 - files });
    progress.output.write(`line ${files}\n`);
  }
  progress.end();
  expect(written.out.slice(before.length)).toBe('\r\u001b[Kline 1\n\r\u001b[Kline 2\n\r\u001b[K\u001b[?25h');
});
