import type { Output } from '../../src/system/io.ts';
import { captureIo, type CapturedIo } from './command-io.ts';

/** A command's io whose standard output takes each write only when the test lets it. */
export interface SlowIo extends CapturedIo {
  /** What was written and is not yet taken, in characters: the most there ever was. */
  readonly most: () => number;
  /** Takes one write; false where there is none. */
  readonly take: () => boolean;
  /** Takes all there is as it comes, from now on. */
  readonly flow: () => void;
}

/** Makes an io whose reader stands still until `take` or `flow`. */
export function slowIo(options: Parameters<typeof captureIo>[0] = {}): SlowIo {
  const io = captureIo(options);
  const untaken: { length: number; taken: () => void }[] = [];
  let flowing = false;
  let held = 0;
  let most = 0;
  const take = (): boolean => {
    const next = untaken.shift();
    if (next === undefined) return false;
    held -= next.length;
    next.taken();
    return true;
  };
  const write: Output['write'] = (text, taken) => {
    io.stdout.write(text);
    held += text.length;
    most = Math.max(most, held);
    untaken.push({ length: text.length, taken: () => taken?.() });
    if (flowing) setImmediate(take);
  };
  return {
    ...io,
    stdout: { ...io.stdout, write },
    most: () => most,
    take,
    flow() {
      flowing = true;
      while (take());
    },
  };
}
