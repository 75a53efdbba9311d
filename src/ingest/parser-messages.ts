import type { FileCode } from '../model/codes.ts';
import type { ParseEnd, ParseOptions, ParsedBatch } from './parse.ts';

/** Asks for one file to be parsed. */
export interface Job {
  readonly kind: 'parse';
  /** Above 0; messages of an earlier job are ignored. */
  readonly job: number;
  readonly credits: number;
  /** The open file's descriptor; threads share them. */
  readonly handle: number;
  readonly bytes: number;
  readonly options: ParseOptions;
}

/** What the thread is told. `credit`: a batch was merged, and its memory may be used again; `drop`: the job in hand is not wanted any more. */
export type ToThread =
  | Job
  | { readonly kind: 'credit'; readonly job: number; readonly spare: readonly ArrayBuffer[] }
  | { readonly kind: 'drop' };

/** What an error of the operating system says besides its message; an error loses it between threads. */
export interface SystemError {
  readonly code: string;
  readonly syscall: string;
}

/** What the thread answers. An error of ours is sent by its parts: its class would be lost on the way. */
export type FromThread =
  | { readonly kind: 'batch'; readonly job: number; readonly batch: ParsedBatch }
  | { readonly kind: 'end'; readonly job: number; readonly end: ParseEnd; readonly sha256: string }
  | { readonly kind: 'refused'; readonly job: number; readonly code: FileCode; readonly reason: string }
  | { readonly kind: 'changed'; readonly job: number; readonly reason: string }
  | { readonly kind: 'failed'; readonly job: number; readonly error: unknown; readonly system?: SystemError };

/** The memory of a batch, which is handed over, not copied. */
export function buffersOf(batch: ParsedBatch): ArrayBuffer[] {
  return batch.sets.flatMap((set) => [set.rows.buffer, set.places.buffer]);
}
