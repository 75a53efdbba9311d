import { restoreSetAside } from '../landing/copy-move.ts';
import type { SetAside } from '../landing/list.ts';
import { systemCode } from '../system/system-error.ts';
import type { FaultBook } from '../status/faults.ts';

/** Gives files their names back that a move to the archive set aside and did not finish. */
export interface Restorer {
  /**
   * @param setAside all that are there
   * @returns whether a file has its name back and is yet to be listed
   */
  restore(setAside: readonly SetAside[]): boolean;
}

/** One that cannot be restored stays, is a fault of its own, and is tried with every listing. */
export function createRestorer(landing: string, faults: FaultBook): Restorer {
  let stuck = new Set<string>();

  function restore(setAside: readonly SetAside[]): boolean {
    const stillStuck = new Set<string>();
    for (const aside of setAside) {
      const problem = tryOne(landing, aside);
      if (problem === null) continue;
      stillStuck.add(aside.file);
      faults.begin({
        kind: 'archive',
        file: aside.file,
        problem: `set aside by a move that was cut short: ${problem}`,
      });
    }
    for (const file of stuck.difference(stillStuck)) faults.end('archive', file);
    stuck = stillStuck;
    return stillStuck.size < setAside.length;
  }

  return { restore };
}

/** @returns null, or why it stays */
function tryOne(landing: string, aside: SetAside): string | null {
  try {
    return restoreSetAside(landing, aside) ? null : 'its name is taken by a newer file';
  } catch (error) {
    const code = systemCode(error);
    if (code === null) throw error;
    return `it cannot have its name back (${code})`;
  }
}
