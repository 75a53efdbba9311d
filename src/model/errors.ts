import type { FileCode } from './codes.ts';
import { EXIT_FAILED } from './exit-codes.ts';

/** What went wrong, for a person: on which file, why, and what to do. Never holds a value from a row. */
export class LandfallError extends Error {
  override readonly name = 'LandfallError';
  /** What was tried, e.g. `open database`: for the log, not for people. */
  readonly operation: string;
  readonly file: string | null;
  readonly hint: string | null;

  /** What a command that ends by it exits with. */
  get exitCode(): number {
    return EXIT_FAILED;
  }

  /**
   * @param operation what was tried, e.g. `open database`
   * @param problem why it failed, one clause; where that begins with `it`, the file takes its place: `it is empty`
   * @param details file: the path concerned; hint: what the reader can do; cause: the error beneath
   */
  constructor(operation: string, problem: string, details: { file?: string; hint?: string; cause?: unknown } = {}) {
    const hint = details.hint === undefined ? '' : ` (${details.hint})`;
    super(`${about(details.file, problem)}${hint}`, { cause: details.cause });
    this.operation = operation;
    this.file = details.file ?? null;
    this.hint = details.hint ?? null;
  }
}

/** `/db/x.sqlite is empty`, or `/db/x.sqlite: another program holds the write lock`. */
function about(file: string | undefined, problem: string): string {
  if (file === undefined) return problem;
  return problem.startsWith('it ') ? `${file} ${problem.slice('it '.length)}` : `${file}: ${problem}`;
}

/** A file that cannot be read as its dataset: it is quarantined with this code and reason. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused';
  readonly code: FileCode;

  /** @param reason one sentence without a value from a row */
  constructor(code: FileCode, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** A file that is not as it was listed (grew, was replaced, vanished): it is rolled back and waited for again. */
export class FileChanged extends Error {
  override readonly name = 'FileChanged';
}
