/**
 * What a command is given of the process. Commands have the shape
 * `export async function NAME(options, io: CommandIo): Promise<number>`: options hold `settings` and what the verb
 * takes besides, the answer is the exit code. Only main.ts knows the process itself.
 */

/** One of the process's output streams. */
export interface Output {
  /**
   * Writes text as it is: escape names and values first (terminal.ts). `taken` is called once the text has left the
   * process, or with the error that kept it.
   */
  readonly write: (text: string, taken?: (error?: Error | null) => void) => void;
  readonly isTTY: boolean;
  /** Width of the terminal in columns; 80 where it has none. */
  readonly columns: number;
  /** Whether colour may be used: a terminal, and NO_COLOR is not set. */
  readonly colour: boolean;
  /** Whether journald reads it, which takes a line's priority from a `<6>` before it. */
  readonly journal: boolean;
  /** What an output has that is dropped rather than waited for; null: it is waited for. */
  readonly lossy: LossyOutput | null;
}

/** Output that a reader who takes none must not hold up. */
export interface LossyOutput {
  /** Whether something that was written is not taken yet. */
  readonly isBehind: () => boolean;
  /** Calls `tell` when output is taken again after some was dropped. What it writes comes where the lines would have stood. */
  readonly onDropped: (tell: (lines: number) => void) => void;
}

/** The process that started this one with an IPC channel (the supervisor, for the worker). */
export interface Parent {
  readonly send: (message: unknown) => void;
  readonly onMessage: (listener: (message: unknown) => void) => void;
  /** Called once when the parent has gone or has closed the channel. */
  readonly onGone: (listener: () => void) => void;
}

/** The program as it runs. */
export interface Program {
  /** e.g. `0.1.0` */
  readonly version: string;
  /** The folder that holds package.json, feeds/ and migrations/. */
  readonly root: string;
  /** What starts this program again: the path of node, then its arguments up to and including main.ts. */
  readonly command: readonly [string, ...string[]];
  readonly pid: number;
}

export interface CommandIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly now: () => Date;
  readonly program: Program;
  /** Aborted by the first SIGTERM, SIGINT or SIGHUP: finish or give up what is in hand, then return. */
  readonly stop: AbortSignal;
  /**
   * Aborted by the second signal. The process exits as soon as the listeners, which must be synchronous
   * (kill a child, no more), have run.
   */
  readonly leave: AbortSignal;
  /** Null where the process was started without an IPC channel. */
  readonly parent: Parent | null;
}
