import type { ChildProcess } from 'node:child_process';
import { LandfallError } from '../model/errors.ts';
import type { Settings } from '../settings/settings.ts';
import type { CommandIo } from '../system/io.ts';
import { spawnSelf } from '../system/spawn-self.ts';
import { fromReaderSchema, type Answers, type Ask, type Question, type ToReader } from './questions.ts';

/** A process that has not answered for so long is ended, in ms: counting the rows of a large database takes its time. */
const ANSWER_WITHIN_MS = 120_000;

/** One that has ended is started again at most so often, in ms. */
const START_GAP_MS = 1_000;

interface Pending {
  readonly settle: (answer: unknown) => void;
  readonly fail: (error: LandfallError) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * The supervisor's side of its reading process, which is started when the first question is asked and ended when it is released.
 * @returns what asks it
 */
export function openReaderProcess(
  settings: Pick<Settings, 'db' | 'feed' | 'env' | 'landing' | 'alertRejected'>,
  { env, program }: Pick<CommandIo, 'env' | 'program'>,
  releases: DisposableStack,
): Ask {
  let child: ChildProcess | null = null;
  let startedAt = -Infinity;
  let asked = 0;
  const pending = new Map<number, Pending>();

  function start(): ChildProcess | null {
    if (performance.now() - startedAt < START_GAP_MS) return null;
    startedAt = performance.now();
    const started = spawnSelf(program, env, 'reader');
    if (started === null) return null;
    // It says nothing but answers; what is not read would be kept.
    started.stdout?.resume();
    started.stderr?.resume();
    started.on('message', (message) => {
      const read = fromReaderSchema.safeParse(message);
      if (read.success) heed(read.data.id, read.data.answer, read.data.problem);
    });
    started.once('close', () => {
      if (child === started) child = null;
      failAll('the process that reads the database has ended; it is started again');
    });
    const { db, feed, env: environment, landing, alertRejected } = settings;
    send(started, { db, feed, env: environment, landing, alertRejected });
    return started;
  }

  function heed(id: number, answer: unknown, problem: string | null): void {
    const one = pending.get(id);
    if (one === undefined) return;
    clearTimeout(one.timer);
    pending.delete(id);
    if (problem === null) one.settle(answer);
    else one.fail(new LandfallError('read database', problem));
  }

  function failAll(problem: string): void {
    for (const { fail, timer } of pending.values()) {
      clearTimeout(timer);
      fail(new LandfallError('read database', problem));
    }
    pending.clear();
  }

  function ask<Kind extends Question['kind']>(question: Extract<Question, { kind: Kind }>): Promise<Answers[Kind]> {
    child ??= start();
    const to = child;
    if (to === null)
      return Promise.reject(new LandfallError('read database', 'the process that reads it could not be started'));
    const id = ++asked;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => to.kill('SIGKILL'), ANSWER_WITHIN_MS);
      pending.set(id, { settle: resolve as (answer: unknown) => void, fail: reject, timer });
      send(to, { id, question });
    });
  }

  releases.defer(() => {
    failAll('the daemon stops');
    child?.kill('SIGKILL');
  });
  return ask;
}

function send(child: ChildProcess, message: ToReader): void {
  if (child.connected) child.send(message, () => undefined);
}
