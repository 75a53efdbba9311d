import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { createBilling } from '../helpers/billing.ts';
import { heartbeatWhen, databaseOf, queryUntil, untilGone } from '../helpers/daemon.ts';
import { writeFeedFile } from '../helpers/feed-files.ts';
import { ROOT } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

type WhenOver = (cleanUp: () => void | Promise<void>) => void;

/** A program whose standard output and standard error nobody reads, until it is read. */
interface Unread {
  /** The process of the program itself. */
  readonly pid: () => number;
  /**
   * Reads what is there.
   * @param most of a pipe, so many bytes
   * @returns all that was read so far
   */
  readonly read: (most?: number) => string;
  /** Ends with the exit code. */
  readonly ended: Promise<number>;
}

const FILES = 60;
/** Names that are told in more lines than a pipe, a terminal or a socket takes and the program keeps. */
const NAMES = 1_300;
/** A stop takes up to 5 s, and output that is not taken is waited for 1 s; the machine may be busy. */
const ENDS_WITHIN_MS = 8_000;
const billing = createBilling(5);
const hasTerminals = spawnSync('script', ['--version']).status === 0;

function commandOf(folder: string, command: string): readonly [string, ...string[]] {
  const places = ['--landing', join(folder, 'landing'), '--db', databaseOf(folder), '--settle', '50ms'];
  return [process.execPath, join(ROOT, 'bin/landfall.cjs'), command, ...places];
}

/** On a terminal of its own, which is not read: as after Ctrl-S, in the copy mode of tmux, or behind a frozen ssh. */
function onTerminal(folder: string, command: string, onTestFinished: WhenOver): Unread {
  const args = ['--quiet', '--return', '--flush', '--command', commandOf(folder, command).join(' '), '/dev/null'];
  const child = spawn('script', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const children = `/proc/${child.pid}/task/${child.pid}/children`;
  return { ...unread(child, onTestFinished), pid: () => Number(readFileSync(children, 'utf8').trim()) };
}

/** By a socket, as journald reads a service. */
function bySocket(folder: string, command: string, onTestFinished: WhenOver): Unread {
  const [node, ...args] = commandOf(folder, command);
  return unread(spawn(node, args, { stdio: ['ignore', 'pipe', 'ignore'] }), onTestFinished);
}

/** In a pipe as a shell makes it. */
function inPipe(folder: string, command: string, onTestFinished: WhenOver): Unread {
  const path = join(folder, 'pipe');
  spawnSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  const [node, ...args] = commandOf(folder, command);
  const child = spawn(node, args, { stdio: ['ignore', writer, writer] });
  closeSync(writer);
  onTestFinished(() => {
    closeSync(reader);
  });
  let text = '';
  const read = (most = 100_000): string => {
    const buffer = Buffer.alloc(most);
    try {
      text += buffer.toString('utf8', 0, readSync(reader, buffer));
    } catch {
      // Nothing is there now.
    }
    return text;
  };
  return { ...unread(child, onTestFinished), read };
}

function unread(child: ChildProcess, onTestFinished: WhenOver): Unread {
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let text = '';
  const read = (): string => {
    if (child.stdout?.listenerCount('data') === 0) child.stdout.on('data', (data: Buffer) => (text += data.toString()));
    return text;
  };
  const ended = new Promise<number>((resolve) => {
    child.on('exit', (code) => {
      resolve(code ?? -1);
    });
  });
  return { pid: () => child.pid ?? 0, read, ended };
}

function createFolder(onTestFinished: WhenOver): string {
  const folder = tempFolder(onTestFinished);
  mkdirSync(join(folder, 'landing'));
  return folder;
}

/** Drops files, and names that are not taken. */
function drop(folder: string): void {
  const landing = join(folder, 'landing');
  for (let number = 0; number < NAMES; number++) {
    writeFileSync(join(landing, `HospitalABC_VistPay_Procedure_${'x'.repeat(180)}_${number}.txt`), '');
  }
  for (let number = 0; number < FILES; number++) {
    writeFeedFile(landing, 'Procedure', new Date(Date.UTC(2026, 0, 1, 0, number)), [billing.procedure()]);
  }
}

/** Waits until all are in. */
async function untilIn(folder: string): Promise<void> {
  await queryUntil(folder, `SELECT count(*) FROM files WHERE state = 'ingested'`, [[FILES]]);
}

async function untilRead(unread: Unread, words: string, most?: number): Promise<string[]> {
  return vi.waitFor(
    () => {
      const text = unread.read(most);
      if (!text.includes(words)) throw new Error(`not yet: ${text.slice(-200)}`);
      return text.split('\n');
    },
    { timeout: 30_000, interval: 10 },
  );
}

const WAYS = [
  ['a terminal', onTerminal],
  ['a pipe', inPipe],
  ['a socket', bySocket],
] as const;

// Not beside the others: where they keep this process busy, nothing is read for a second.
test('P7: the last words of once are written where the output is read slowly', async ({ onTestFinished }) => {
  const folder = createFolder(onTestFinished);
  drop(folder);
  const once = inPipe(folder, 'once', onTestFinished);
  await untilRead(once, 'done: ', 4_096);
  expect(await once.ended).toBe(0);
});

describe('P7: output that nobody reads', { concurrent: true, timeout: 180_000 }, () => {
  test.for(WAYS)('on %s: run takes what comes, and ends on SIGTERM', async ([, start], { onTestFinished, skip }) => {
    if (start === onTerminal && !hasTerminals) skip('there is no script(1) here, which makes a terminal');
    const folder = createFolder(onTestFinished);
    start(folder, 'run', onTestFinished);
    await heartbeatWhen(folder, ({ work }) => work.doing === 'idle');
    drop(folder);
    await untilIn(folder);
    const { pid } = await heartbeatWhen(folder, ({ work }) => work.doing === 'idle');
    process.kill(pid, 'SIGTERM');
    await untilGone(pid, ENDS_WITHIN_MS);
  });

  test('once it is read, run says how many lines it dropped; none was torn', async ({ onTestFinished }) => {
    const folder = createFolder(onTestFinished);
    const daemon = inPipe(folder, 'run', onTestFinished);
    await heartbeatWhen(folder, ({ work }) => work.doing === 'idle');
    drop(folder);
    await untilIn(folder);
    // They may be taken in several batches, and each ends with a line: the last one is not known by it.
    const { told, all } = await vi.waitFor(
      () => {
        const lines = daemon.read().split('\n').slice(0, -1).map((line) => JSON.parse(line) as { msg: string; lines?: number }); // prettier-ignore
        const told = lines.filter(({ msg }) => msg === 'ingested' || msg.startsWith('the name')).length;
        const all = lines.reduce(
          (sum, { msg, lines }) => sum + (msg.includes('were dropped') ? (lines ?? 0) : 0),
          told,
        );
        if (all < NAMES + FILES) throw new Error(`${told} lines told and ${all - told} counted as dropped`);
        return { told, all };
      },
      { timeout: 30_000, interval: 10 },
    );
    expect(told).toBeLessThan(NAMES);
    // A line that ends a batch may be among them.
    expect(all).toBeLessThan(NAMES + FILES + 20);
  });

  test('on a terminal: once takes everything and ends, bar and all', async ({ onTestFinished, skip }) => {
    if (!hasTerminals) skip('there is no script(1) here, which makes a terminal');
    const folder = createFolder(onTestFinished);
    drop(folder);
    const once = onTerminal(folder, 'once', onTestFinished);
    await untilIn(folder);
    await untilGone(once.pid(), ENDS_WITHIN_MS);
    once.read();
    expect(await once.ended).toBe(0);
  });
});
