import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createNonBlockingWriter, type NonBlockingWriter } from '../../src/system/non-blocking-writer.ts';
import { growDisk, mountDisk } from '../helpers/disk.ts';
import { tempFolder } from '../helpers/temp.ts';

const NO_HURRY = new AbortController().signal;

/** A pipe as a shell hands it to a program: its writing end would wait for its reader. */
interface Pipe {
  readonly descriptor: number;
  /** What is in the pipe now. */
  readonly read: (most?: number) => string;
  readonly closeReader: () => void;
}

function openPipe(): Pipe {
  const path = join(tempFolder(), 'pipe');
  spawnSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const descriptor = openSync(path, constants.O_WRONLY);
  let isOpen = true;
  const closeReader = (): void => {
    if (isOpen) closeSync(reader);
    isOpen = false;
  };
  onTestFinished(() => {
    closeReader();
    closeSync(descriptor);
  });
  return { descriptor, closeReader, read: (most = 1_000_000) => readNow(reader, most) };
}

function readNow(reader: number, most: number): string {
  const buffer = Buffer.alloc(most);
  try {
    return buffer.toString('utf8', 0, readSync(reader, buffer));
  } catch {
    return '';
  }
}

/** Reads until the writer has nothing left. */
async function readAll(writer: NonBlockingWriter, read: () => string): Promise<string> {
  let text = '';
  do {
    text += read();
    await writer.drain(20, NO_HURRY);
  } while (writer.isBehind());
  return text + read();
}

const LINES = Array.from({ length: 20_000 }, (_, number) => `line ${number} of those that are written`);

/** Whether the text is the lines from the first on, a line that says how many are missing, and the lines up to the last. */
function expectGap(text: string): void {
  const lines = text.trimEnd().split('\n');
  const at = lines.findIndex((line) => line.startsWith('dropped '));
  const missing = Number(lines[at]?.split(' ')[1]);
  expect(missing).toBeGreaterThan(0);
  const rest = lines.length - at - 1;
  expect(rest).toBeGreaterThan(10);
  expect(lines).toEqual([...LINES.slice(0, at), `dropped ${missing}`, ...LINES.slice(at + missing)]);
  expect(at + missing + rest).toBe(LINES.length);
}

test('P7: a pipe that nobody reads holds nothing up; what was dropped is counted, no line is torn, the newest are kept', async () => {
  const pipe = openPipe();
  const writer = createNonBlockingWriter(pipe.descriptor, 10_000);
  writer.onDropped((lines) => {
    writer.write(`dropped ${lines}\n`);
  });
  for (const line of LINES) writer.write(`${line}\n`);
  expect(writer.isBehind()).toBe(true);
  expectGap(await readAll(writer, pipe.read));
});

test('P7: a full disk holds nothing up; what was dropped is counted once there is room', async ({ skip }) => {
  const folder = join(tempFolder(), 'disk');
  mkdirSync(folder);
  if (!mountDisk(folder, 'size=64k', onTestFinished)) skip('mounting is not allowed here');
  const path = join(folder, 'log');
  const descriptor = openSync(path, 'a');
  onTestFinished(() => {
    closeSync(descriptor);
  });
  const writer = createNonBlockingWriter(descriptor, 10_000);
  writer.onDropped((lines) => {
    writer.write(`dropped ${lines}\n`);
  });
  for (const line of LINES) writer.write(`${line}\n`);
  growDisk(folder, 'size=8m');
  await writer.drain(1_000, NO_HURRY);
  expectGap(readFileSync(path, 'utf8'));
});

test('what is kept is written by itself once the pipe is read', async () => {
  const pipe = openPipe();
  const writer = createNonBlockingWriter(pipe.descriptor, Infinity);
  for (const line of LINES) writer.write(`${line}\n`);
  let text = '';
  while (!text.endsWith(`${LINES.at(-1) ?? ''}\n`)) {
    text += pipe.read();
    await sleep(1);
  }
  expect(text).toBe(`${LINES.join('\n')}\n`);
});

test('at the end it is waited for a reader that takes something, and not for one that takes nothing or has gone', async () => {
  const pipe = openPipe();
  const writer = createNonBlockingWriter(pipe.descriptor);
  for (const line of LINES) writer.write(`${line}\n`);
  const timed = async (patienceMs: number, hurry = NO_HURRY): Promise<number> => {
    const begun = performance.now();
    await writer.drain(patienceMs, hurry);
    return performance.now() - begun;
  };
  expect(await timed(30)).toBeLessThan(1_000);
  expect(writer.isBehind()).toBe(true);
  // One that reads a little now and then: waited for, but not by who is in a hurry.
  const trickle = setInterval(() => pipe.read(8_192), 10);
  expect(await timed(100, AbortSignal.abort())).toBeLessThan(1_000);
  expect(writer.isBehind()).toBe(true);
  await writer.drain(5_000, NO_HURRY);
  expect(writer.isBehind()).toBe(false);
  clearInterval(trickle);
  pipe.closeReader();
  writer.write('to nobody\n');
  expect(writer.isBehind()).toBe(true);
  expect(await timed(60_000)).toBeLessThan(5_000);
});
