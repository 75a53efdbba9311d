import type { CheckResult } from '../model/check.ts';
import type { WarningCode } from '../model/codes.ts';
import type { Dataset } from '../model/feed.ts';
import type { Warnings } from '../model/warnings.ts';

/** Of the store's door, what is done for files after their commit: the checks on the tables, which warn. */
export interface CheckedFiles {
  /**
   * Runs the dataset's checks on the tables, as they are now. A rehearsal, which holds parts of them, runs none.
   * @param stop interrupts them
   */
  checkTables(dataset: Dataset, stop: AbortSignal): Promise<readonly CheckResult[]>;
  /** Sets the warnings of a file that was committed. */
  setWarnings(fileId: number, warnings: Warnings): Promise<void>;
  /** The files with a warning of a code, whatever became of them since. */
  filesWarnedOf(code: WarningCode): Promise<readonly WarnedFile[]>;
}

/** A file that was committed with warnings. */
export interface WarnedFile {
  readonly fileId: number;
  /** Its name. */
  readonly dataset: string;
  readonly warnings: Warnings;
}

/** Of the transaction of a file, what is done before its rows are merged. */
export interface CheckedRows {
  /**
   * Runs the dataset's checks on the file's good rows. They see nothing else, and change nothing.
   * @param stop interrupts them
   */
  checkIncoming(stop: AbortSignal): Promise<readonly CheckResult[]>;
}
