import { createSettler, type Settler } from '../landing/settle.ts';
import type { FileStat } from '../model/ledger.ts';
import type { Retry } from './back-off.ts';

/** Takes ingested files out of the landing folder. What goes wrong here is tried again and is never an error for the data. */
export interface Remover {
  readonly settler: Settler;
  /** How each file that is set aside was seen last, and since when it is so, in monotonic ms; by its name now. */
  readonly asides: Map<string, { readonly stat: FileStat; readonly since: number }>;
  /** By name: the fault of one file holds up only that file (P7). */
  readonly failures: Map<string, Retry>;
}

/** Nothing is removed yet: files that have been still for `removeAfterMs` will be. */
export function createRemover(removeAfterMs: number): Remover {
  return {
    settler: createSettler({ settleMs: removeAfterMs, believeTimes: true }),
    asides: new Map(),
    failures: new Map(),
  };
}
