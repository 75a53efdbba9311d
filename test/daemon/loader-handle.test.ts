import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { STARTING } from '../../src/daemon/alive.ts';
import { createLoaderHandle, type LoaderHandle } from '../../src/daemon/loader-handle.ts';
import type { Settings } from '../../src/settings.ts';
import { tempFolder } from '../helpers/temp.ts';

type OnTestFinished = Parameters<typeof tempFolder>[0];

/** A handle of a stub: a process of its own that runs this script in place of a loader. */
interface Stub {
  readonly folder: string;
  readonly loader: LoaderHandle;
  /** How often it has said that it works, and has ended. */
  readonly worked: () => number;
  readonly ended: () => number;
}

function startStub(script: string, onTestFinished: OnTestFinished): Stub {
  const folder = tempFolder(onTestFinished);
  writeFileSync(join(folder, 'stub.mjs'), script);
  const settings: Settings = {
    landing: folder,
    db: join(folder, 'x.sqlite'),
    feed: '',
    settleMs: 0,
    rescan: '* * * * *',
    after: 'keep',
    archiveAfterMs: 0,
    archiveDir: null,
    logLevel: 'silent',
    logFormat: 'json',
    cacheMib: 8,
  };
  let worked = 0;
  let ended = 0;
  const loader = createLoaderHandle({
    settings,
    command: [process.execPath, join(folder, 'stub.mjs')],
    env: { FOLDER: folder },
    keeperPid: process.pid,
    cutShortAt: null,
    onFound: () => undefined,
    onOwner: () => undefined,
    onReady: () => undefined,
    onWork: () => (worked += 1),
    onLogLine: () => undefined,
    onErrorText: () => undefined,
    onEnd: () => (ended += 1),
  });
  onTestFinished?.(() => {
    loader.kill('stopping');
  });
  loader.start();
  return { folder, loader, worked: () => worked, ended: () => ended };
}

const WORK = JSON.stringify({ kind: 'work', work: { ...STARTING, doing: 'ingesting' } });

describe('what the parent process has seen of the end of a loader', { concurrent: true, timeout: 60_000 }, () => {
  /** Writes down what it is told of the one before it, and opens the database unless it is to die before that. */
  const SCRIPT = `
    import { appendFileSync } from 'node:fs';
    process.on('message', (message) => {
      if (message.kind !== 'start') return;
      appendFileSync(process.env.FOLDER + '/told', JSON.stringify(message.before.crashed) + '\\n');
      process.send({ kind: 'ready' });
      process.send(${WORK});
    });
    process.send({ kind: 'born' });`;

  test.for<[string, boolean, (loader: LoaderHandle) => void]>([
    ['SIGSEGV is a crash', true, signal('SIGSEGV')],
    ['SIGABRT, as of a heap that is full, is a crash', true, signal('SIGABRT')],
    ['SIGKILL is no crash: it comes from outside', false, signal('SIGKILL')],
    [
      'its own kill for a hang is one',
      true,
      (loader) => {
        loader.kill('hangs');
      },
    ],
  ])('%s', async ([, crashed, end], { onTestFinished }) => {
    const stub = startStub(SCRIPT, onTestFinished);
    await vi.waitFor(
      () => {
        expect(stub.worked()).toBe(1);
      },
      { timeout: 30_000, interval: 10 },
    );
    end(stub.loader);
    await vi.waitFor(
      () => {
        expect(stub.ended()).toBe(1);
      },
      { timeout: 30_000, interval: 10 },
    );
    stub.loader.startAgain();
    await vi.waitFor(
      () => {
        expect(stub.worked()).toBe(2);
      },
      { timeout: 30_000, interval: 10 },
    );
    expect(readFileSync(join(stub.folder, 'told'), 'utf8')).toBe(`false\n${crashed}\n`);
  });

  test('an exit code of its own accord is a crash, also where the next one dies before it has the database', async ({
    onTestFinished,
  }) => {
    const stub = startStub(
      `import { appendFileSync, readFileSync } from 'node:fs';
      const file = process.env.FOLDER + '/told';
      process.on('message', (message) => {
        if (message.kind !== 'start') return;
        appendFileSync(file, JSON.stringify(message.before.crashed) + '\\n');
        const life = readFileSync(file, 'utf8').split('\\n').length - 1;
        if (life === 2) process.kill(process.pid, 'SIGKILL');
        process.send({ kind: 'ready' }, () => { if (life === 1) process.exit(1); });
        if (life === 3) process.send(${WORK});
      });
      process.send({ kind: 'born' });`,
      onTestFinished,
    );
    for (let death = 1; death <= 2; death++) {
      await vi.waitFor(
        () => {
          expect(stub.ended()).toBe(death);
        },
        { timeout: 30_000, interval: 10 },
      );
      stub.loader.startAgain();
    }
    await vi.waitFor(
      () => {
        expect(stub.worked()).toBe(1);
      },
      { timeout: 30_000, interval: 10 },
    );
    expect(readFileSync(join(stub.folder, 'told'), 'utf8')).toBe('false\ntrue\ntrue\n');
  });
});

function signal(name: NodeJS.Signals): (loader: LoaderHandle) => void {
  return (loader) => process.kill(loader.pid() ?? 0, name);
}

test('a loader that answers pings in the middle of a file, and does nothing more, falls silent', async ({
  onTestFinished,
}) => {
  const stub = startStub(
    `process.send(${WORK});
     process.on('message', ({ kind }) => { if (kind === 'ping') process.send({ kind: 'pong' }); });`,
    onTestFinished,
  );
  await vi.waitFor(
    () => {
      expect(stub.worked()).toBe(1);
    },
    { timeout: 30_000, interval: 10 },
  );
  const since = performance.now();
  const pinging = setInterval(() => {
    stub.loader.send({ kind: 'ping' });
  }, 20);
  await vi.waitFor(
    () => {
      expect(stub.loader.silentMs()).toBeGreaterThan(300);
    },
    { timeout: 5_000, interval: 20 },
  );
  expect(performance.now() - since).toBeGreaterThan(290);
  clearInterval(pinging);
});

test('P7: a loader is not silent for the time in which its keeper was itself stopped, or the machine slept', ({
  onTestFinished,
}) => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { loader } = startStub('setInterval(() => undefined, 1_000);', onTestFinished);
  const askedAfter = (ms: number): number => {
    vi.advanceTimersByTime(ms);
    return loader.silentMs();
  };
  expect([askedAfter(5_000), askedAfter(5_000), askedAfter(10_000)]).toEqual([5_000, 10_000, 20_000]);
  expect(askedAfter(3_600_000)).toBe(0);
  expect([askedAfter(5_000), askedAfter(5_000)]).toEqual([5_000, 10_000]);
});
