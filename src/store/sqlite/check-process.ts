import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { CheckFile } from '../../feed/sql-files.ts';
import { failedWith, interruptedAfter, type CheckResult } from '../../model/check.ts';
import type { Dataset } from '../../model/feed.ts';
import { fromCheckerSchema, type FromChecker, type ToChecker } from './check-messages.ts';
import { incomingSql } from './check-queries.ts';
import type { JsonbRows } from './jsonb-rows.ts';

/** Runs checks, and lets none of them run for ever. */
export interface CheckProcess {
  /** Begins a file: there are no rows. What is added is kept until the file is done with. */
  begin(dataset: Dataset): void;
  /** The file is done with. */
  finish(): void;
  /** Adds rows to those that checks see. They are copied before this returns; the promise keeps a slow process from being flooded. */
  add(rows: JsonbRows): Promise<void>;
  /**
   * Runs a check.
   * @param database the file to run it on; null: on the rows
   * @param stop interrupts it, too
   */
  run(check: CheckFile, database: string | null, stop: AbortSignal): Promise<CheckResult>;
  /** Ends when the process has. */
  close(): Promise<void>;
}

/** A process that has nothing to do, and holds no rows of a file in hand, is ended after so long, in ms. */
const IDLE_MS = 10_000;

const CHILD = new URL('./check-child.ts', import.meta.url);

/** So many bytes of rows may be on their way: a small file does not wait for the process to start. */
const MOST_UNANSWERED = 32 * 1024 * 1024;

/** A process that has not taken rows for so long is ended, in ms: it hangs. */
const ANSWER_WITHIN_MS = 120_000;

/** What there is to say of a check whose process is gone. */
const ENDED = 'the process that runs it has ended';

/** None is started before the first file. */
export function createCheckProcess(): CheckProcess {
  const child = createChild();
  let insert = '';
  /** Ends when all rows are in; null: as they should be. */
  let added: Promise<string | null> = Promise.resolve(null);
  /** Bytes of rows that were sent and are not in yet. */
  let unanswered = 0;

  /** What is wrong after a message has been answered, or was before. */
  async function problemAfter(before: Promise<string | null>, message: ToChecker): Promise<string | null> {
    const answer = child.ask(message);
    return (await before) ?? (await answer)?.failure ?? ((await answer) === null ? ENDED : null);
  }

  return {
    begin(dataset) {
      child.start();
      child.hold(true);
      const sql = incomingSql(dataset);
      insert = sql.insert;
      added = problemAfter(Promise.resolve(null), { kind: 'begin', create: sql.create });
    },
    finish() {
      child.hold(false);
    },
    async add(rows) {
      const before = added;
      added = problemAfter(before, { kind: 'rows', insert, rows });
      unanswered += rows.length;
      const answered = added.then(() => void (unanswered -= rows.length));
      if (unanswered > MOST_UNANSWERED) await answered;
    },
    async run({ check, sql }, database, stop) {
      let problem: string | null = null;
      const interrupt = (): void => {
        problem = interruptedAfter(check);
        void child.end();
      };
      stop.addEventListener('abort', interrupt);
      let timer: NodeJS.Timeout | undefined;
      try {
        // What it takes to start is not the check's time.
        if (database !== null && child.start()) await child.ask({ kind: 'begin', create: '' });
        if (database === null && !stop.aborted) problem = await added;
        timer = setTimeout(interrupt, check.timeLimitMs);
        const isReady = problem === null && !stop.aborted;
        const answer = isReady ? await child.ask({ kind: 'run', sql, database }) : null;
        if (answer === null) return { kind: 'failed', check, problem: problem ?? ENDED };
        if (answer.failure !== null) return { kind: 'failed', check, problem: failedWith(answer.failure) };
        return { kind: 'ended', check, rows: answer.rows, lines: answer.lines };
      } finally {
        clearTimeout(timer);
        stop.removeEventListener('abort', interrupt);
      }
    },
    close: child.end,
  };
}

/** A process that answers messages, where one runs. */
interface Child {
  /** @returns whether none ran before */
  readonly start: () => boolean;
  /** @returns null: none runs, or it has ended before it answered */
  readonly ask: (message: ToChecker) => Promise<FromChecker | null>;
  /** Whether it is to stay though nothing is asked of it, however long the file in hand pauses: it alone has the rows. */
  readonly hold: (isHeld: boolean) => void;
  /** Ends when the process has. */
  readonly end: () => Promise<void>;
}

function createChild(): Child {
  let child: ChildProcess | null = null;
  /** Of each message that is not answered yet, in order. */
  const waiting: ((answer: FromChecker | null) => void)[] = [];
  let idle: NodeJS.Timeout | undefined;
  let isHeld = false;

  async function end(): Promise<void> {
    clearTimeout(idle);
    const ended = child;
    child = null;
    for (const settle of waiting.splice(0)) settle(null);
    if (ended?.pid === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
    ended.ref();
    ended.kill('SIGKILL');
    await once(ended, 'exit');
  }

  /** A process of which nothing is asked does not keep this one from ending. */
  function mind(to: ChildProcess): void {
    clearTimeout(idle);
    if (waiting.length > 0) {
      to.ref();
      to.channel?.ref();
      return;
    }
    to.unref();
    to.channel?.unref();
    if (!isHeld) idle = setTimeout(() => void end(), IDLE_MS).unref();
  }

  return {
    start() {
      if (child !== null) return false;
      const started = fork(CHILD, {
        serialization: 'advanced',
        // It ends when its standard input does: see `watchParent`.
        stdio: ['pipe', 'ignore', 'ignore', 'ipc'],
        execArgv: [],
      });
      const forget = (): void => {
        if (child === started) void end();
      };
      started.on('message', (message) => waiting.shift()?.(fromCheckerSchema.parse(message)));
      // One that could not be started says so by an error alone.
      started.on('error', forget).on('exit', forget);
      child = started;
      return true;
    },
    async ask(message) {
      const to = child;
      if (to?.connected !== true) return null;
      const answer = new Promise<FromChecker | null>((resolve) => waiting.push(resolve));
      mind(to);
      // A query has a time limit of its own.
      const late = message.kind === 'run' ? undefined : setTimeout(() => void end(), ANSWER_WITHIN_MS);
      to.send(message, () => undefined);
      const answered = await answer;
      clearTimeout(late);
      if (to === child) mind(to);
      return answered;
    },
    hold(now) {
      isHeld = now;
      if (child !== null) mind(child);
    },
    end,
  };
}
