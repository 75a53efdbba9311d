import fs from 'node:fs';
import { kill } from 'node:process';
import { systemCode } from './system-error.ts';

/**
 * Which list of processes the ids of this process are in: that of this boot and of this container (pid_namespaces(7)).
 * @returns null where the system does not say so (Linux does)
 */
export function processTable(): string | null {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${fs.readlinkSync('/proc/self/ns/pid')}`;
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
