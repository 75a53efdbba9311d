import { join } from 'node:path';
import type { CommandIo, Output } from '../../src/system/io.ts';
import { ROOT } from './ingest.ts';

/** A command's io that keeps what is written. */
export interface CapturedIo extends CommandIo {
  readonly written: { out: string; err: string };
}

/** Makes an io without a terminal (or with one, in colour), whose clock stands at `now`. */
export function captureIo(options: { terminal?: boolean; now?: Date } = {}): CapturedIo {
  const written = { out: '', err: '' };
  const terminal = options.terminal ?? false;
  const output = (to: keyof typeof written): Output => ({
    write: (text, taken) => {
      written[to] += text;
      taken?.();
    },
    isTTY: terminal,
    columns: 120,
    colour: terminal,
    journal: false,
    lossy: null,
  });
  return {
    written,
    stdout: output('out'),
    stderr: output('err'),
    env: {},
    cwd: ROOT,
    now: () => options.now ?? new Date('2026-08-10T12:00:00Z'),
    program: { version: '0.0.0', root: ROOT, command: [process.execPath, join(ROOT, 'src/main.ts')], pid: process.pid },
    stop: new AbortController().signal,
    leave: new AbortController().signal,
    parent: null,
  };
}
