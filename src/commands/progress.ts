import { SingleBar } from 'cli-progress';
import { Writable } from 'node:stream';
import { percentRead, type Work } from '../daemon/alive.ts';
import type { Output } from '../io.ts';
import { printable } from '../terminal.ts';

/** Shows on a terminal how far a run is; in a pipe it shows nothing. */
export interface Progress {
  show(work: Work): void;
  /** Where log lines go meanwhile: above the bar. */
  readonly output: Output;
  end(): void;
}

const CLEAR_LINE = '\r\u001b[K';

/** @param terminal standard output */
export function createProgress(terminal: Output): Progress {
  if (!terminal.isTTY) return { show: () => undefined, output: terminal, end: () => undefined };
  let begun = false;
  const bar = new SingleBar({
    format: '{bar} {value}/{total} files  {file}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stream: asStream(terminal),
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
    end() {
      if (begun) bar.stop();
    },
  };
}

/** The bar wants a stream; we are only given a way to write. */
function asStream(terminal: Output): NodeJS.WritableStream {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: unknown, _encoding, done) {
      terminal.write(String(chunk));
      done();
    },
  });
  return Object.assign(stream, { isTTY: true, columns: terminal.columns });
}
