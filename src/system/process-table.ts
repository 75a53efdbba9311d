import fs from 'node:fs';
import { kill } from 'node:process';
import { BOOT } from './boot-clock.ts';
import { systemCode } from './system-error.ts';

/**
 * Which list of processes the ids of this process are in: that of this boot and of this container (pid_namespaces(7)). It does not change
 * while this process lives; null where the system does not say so (Linux does).
 */
export const PROCESS_TABLE = readProcessTable();

function readProcessTable(): string | null {
  try {
    return BOOT === null ? null : `${BOOT} ${fs.readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** Whether no process of this process's own list has an id; another user's counts, too. */
export function isGone(pid: number): boolean {
  try {
    kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
}
