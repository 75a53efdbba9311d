import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { STARTING } from '../../src/model/work.ts';
import { PATIENCE } from '../../src/supervisor/hang-detector.ts';
import {
  checkWorker,
  createWorkerProcess,
  isWorkerWell,
  killWorker,
  restartWorker,
  startWorker,
  workerPid,
  type WorkerProcess,
} from '../../src/supervisor/worker-process.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { captureIo } from '../helpers/command-io.ts';
import { tempFolder } from '../helpers/temp.ts';

type OnTestFinished = Parameters<typeof tempFolder>[0];

/** How long a stub may show no sign of going on, in ms. */
const FILE_MS = 1_000;

/** A handle of a stub: a process of its own that runs a script in place of a worker. */
interface Stub {
  readonly folder: string;
  readonly worker: WorkerProcess;
  /** How often it has said that it works, and has ended. */
  readonly worked: () => number;
  readonly ended: () => number;
}

function startStub(script: string, onTestFinished: OnTestFinished, broken: { node?: string; env?: string } = {}): Stub {
  const folder = tempFolder(onTestFinished);
  writeFileSync(join(folder, 'stub.mjs'), script);
  const settings: Settings = {
    landing: folder,
    db: join(folder, 'x.sqlite'),
    feed: '',
    env: null,
    alertRejected: 0.05,
    settleMs: 0,
    rescan: '* * * * *',
    archive: null,
    archiveForMs: null,
    after: 'keep',
    removeAfterMs: 0,
    keyFile: null,
    stateDir: 'state',
    logLevel: 'silent',
    logFormat: 'json',
    http: null,
    httpPasswordFile: null,
    cacheMib: 8,
    ...{ alertWebhook: null, alertTemplate: null, alertSmtp: null, alertFrom: null, alertTo: null },
    ...{ alertCommand: null, alertRepeatMs: 0, pingUrl: null, receipts: null },
  };
  let worked = 0;
  let ended = 0;
  const io = captureIo();
  const worker = createWorkerProcess({
    settings,
    job: { verb: 'run' },
    io: {
      env: { FOLDER: folder, BROKEN: broken.env },
      program: { ...io.program, command: [broken.node ?? process.execPath, join(folder, 'stub.mjs')] },
      stderr: io.stderr,
    },
    relay: () => undefined,
    before: null,
    onWork: () => (worked += 1),
    onEnd: () => (ended += 1),
    patience: { ...PATIENCE, fileMs: FILE_MS },
  });
  onTestFinished?.(() => {
    killWorker(worker);
  });
  startWorker(worker);
  return { folder, worker, worked: () => worked, ended: () => ended };
}

const BEGIN_FILE = `process.send({ kind: 'ready' });
  process.send(${JSON.stringify({ kind: 'work', work: { ...STARTING, doing: 'ingesting' } })});`;

/** A worker that answers pings, notes what it is told of the one before it, and then does this. */
function workerThat(then: string): string {
  return `
    import fs from 'node:fs';
    const open = (name) => fs.openSync(process.env.FOLDER + '/' + name, 'a+');
    process.on('message', (message) => {
      if (message.kind === 'ping') process.send({ kind: 'pong' });
      if (message.kind !== 'start') return;
      fs.writeSync(open('told'), JSON.stringify(message.before.crashed) + ' ');
      const life = fs.readFileSync(process.env.FOLDER + '/told', 'utf8').split(' ').length - 1;
      ${then}
    });
    process.send({ kind: 'born' });`;
}

/** What each life of a stub was told: whether the one before it has crashed. */
function toldOfCrashes(stub: Stub): string {
  return readFileSync(join(stub.folder, 'told'), 'utf8').trimEnd();
}

async function until(count: () => number, wanted: number): Promise<void> {
  await vi.waitFor(
    () => {
      expect(count()).toBe(wanted);
    },
    { timeout: 30_000, interval: 10 },
  );
}

describe('what the parent process has seen of the end of a worker', { concurrent: true, timeout: 60_000 }, () => {
  test.for<[NodeJS.Signals, string, string]>([
    ['SIGSEGV', 'is a crash', 'true'],
    ['SIGABRT', 'as of a heap that is full, is a crash', 'true'],
    ['SIGKILL', 'is no crash: it comes from outside', 'false'],
  ])('%s %s', async ([signal, , crashed], { onTestFinished }) => {
    const stub = startStub(workerThat(BEGIN_FILE), onTestFinished);
    await until(stub.worked, 1);
    process.kill(workerPid(stub.worker) ?? 0, signal);
    await until(stub.ended, 1);
    restartWorker(stub.worker);
    await until(stub.worked, 2);
    expect(toldOfCrashes(stub)).toBe(`false ${crashed}`);
  });

  test('an exit code of its own accord is a crash, also where the next one dies before it has the database', async ({
    onTestFinished,
  }) => {
    const script = workerThat(
      `if (life === 1) process.send({ kind: 'ready' }, () => process.exit(1));
       if (life === 2) process.kill(process.pid, 'SIGKILL');
       if (life === 3) { ${BEGIN_FILE} }`,
    );
    const stub = startStub(script, onTestFinished);
    for (const death of [1, 2]) {
      await until(stub.ended, death);
      restartWorker(stub.worker);
    }
    await until(stub.worked, 1);
    expect(toldOfCrashes(stub)).toBe('false true true');
  });
});

// As where there are no more processes, open files or memory: Node tells some of that later, and throws the rest.
test.each([
  ['later', { node: '/nowhere/node' }],
  ['at once', { env: 'a\0b' }],
])('P7: one that cannot be started, which is told %s, counts as ended each time', async (_, broken) => {
  const stub = startStub('', undefined, broken);
  await until(stub.ended, 1);
  restartWorker(stub.worker);
  await until(stub.ended, 2);
});

/** Checks it as the supervisor does, only more often, until it was ended or so many ms are over. */
async function checkFor(stub: Stub, ms: number): Promise<number | null> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const silentMs = checkWorker(stub.worker);
    if (silentMs !== null) return silentMs;
    await sleep(50);
  }
  return null;
}

describe('P7: a worker that is in the middle of a file for long', { concurrent: true, timeout: 60_000 }, () => {
  /** It hears nothing any more, and does this again and again. */
  const deaf = (step: string): string => workerThat(`${BEGIN_FILE} setTimeout(() => { for (;;) { ${step} } }, 20);`);

  test.for<[string, string]>([
    ['answers, and does nothing more', workerThat(BEGIN_FILE)],
    ['hears nothing, and computes without end', deaf('')],
    ['hears nothing, and waits without end', deaf('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);')],
  ])('and %s, is ended, and the file is to blame', async ([, script], { onTestFinished }) => {
    const stub = startStub(script, onTestFinished);
    await until(stub.worked, 1);
    expect(await checkFor(stub, 30_000)).toBeGreaterThan(FILE_MS);
    await until(stub.ended, 1);
    restartWorker(stub.worker);
    await until(stub.worked, 2);
    expect(toldOfCrashes(stub)).toBe('false true');
  });

  test.runIf(process.platform === 'linux')(
    'and hears nothing, but reads or writes on and on, is left to its work',
    async ({ onTestFinished }) => {
      const stub = startStub(deaf(`fs.writeSync(globalThis.file ??= open('rows'), 'x');`), onTestFinished);
      await until(stub.worked, 1);
      expect(await checkFor(stub, 3 * FILE_MS)).toBeNull();
      expect(isWorkerWell(stub.worker)).toBe(true);
    },
  );
});
