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

/**
 * Whether no process of this process's own list lives under an id; another user's counts, too. One that has ended counts as gone also
 * while its parent, as a container's first process may, has not asked for its exit code (a zombie: proc_pid_stat(5)).
 */
export function isGone(pid: number): boolean {
  try {
    kill(pid, 0);
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return true;
  }
  try {
    return /\) [ZX] [^)]*$/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
