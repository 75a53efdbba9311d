import { readFileSync } from 'node:fs';

/** The processes that a process has started and that are still there; none where it has ended. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

/** Whether a process is there: one that was killed is, and keeps its locks, while the system takes its memory apart. */
export function isAlive(pid: number): boolean {
  try {
    // A process that has ended but was not waited for is a zombie: not alive.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
