import { SingleBar } from 'cli-progress';
import { percentRead, type Work } from '../model/work.ts';
import type { Output } from '../system/io.ts';
import { printable } from './terminal.ts';
import { asStream } from './as-stream.ts';

/** Shows on a terminal how far a run is; in a pipe it shows nothing. */
export interface Progress {
  readonly show: (work: Work) => void;
  /** Where log lines go meanwhile: above the bar. */
  readonly output: Output;
  readonly end: () => void;
}

const CLEAR_LINE = '\r\u001b[K';
const SHOW_CURSOR = '\u001b[?25h';

/** @param terminal standard output */
export function createProgress(terminal: Output): Progress {
  if (!terminal.isTTY) return { show: () => undefined, output: terminal, end: () => undefined };
  let begun = false;
  // A bar that comes late is worth nothing.
  const bars: Output['write'] = (text, taken) => {
    if (terminal.lossy?.isBehind() === true) taken?.();
    else terminal.write(text, taken);
  };
  const bar = new SingleBar({
    format: '{bar} {value}/{total} files  {file}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    // The bar asks the stream whether it is a terminal, and how wide.
    stream: Object.assign(asStream({ ...terminal, write: bars }), { isTTY: true, columns: terminal.columns }),
  });

  return {
    show(work) {
      const total = work.taken.files + work.due;
      const file = work.file === null ? '' : `${printable(work.file.name)} ${percentRead(work.file)} %`;
      if (!begun && work.due > 0) {
        begun = true;
        bar.start(total, work.taken.files, { file });
      } else if (begun) {
        bar.setTotal(total);
        bar.update(work.taken.files, { file });
      }
    },
    output: {
      ...terminal,
      write(text) {
        terminal.write(begun ? CLEAR_LINE + text : text);
      },
    },
    end: () => {
      if (!begun) return;
      bar.stop();
      // What it writes then may be among what comes late.
      terminal.write(CLEAR_LINE + SHOW_CURSOR);
    },
  };
}
