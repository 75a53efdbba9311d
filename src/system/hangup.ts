import fs from 'node:fs';
import path from 'node:path';

const STDIN = 0;

/**
 * Whether the process was started by nohup, and is to go on when its terminal closes. Node takes back that SIGHUP is ignored before
 * a line of ours runs, so what is left to see is what else nohup and the shell leave behind: a shell names what it starts in `_`
 * (bash, zsh, ksh), and nohup puts a null device that cannot be read in the place of a terminal that it takes away (coreutils).
 */
export function isUnderNohup(env: Readonly<Record<string, string | undefined>>): boolean {
  return path.basename(env['_'] ?? '') === 'nohup' || isStdinUnreadable();
}

/** The flags of an open file stand in /proc/PID/fdinfo (proc(5)), in octal. */
function isStdinUnreadable(): boolean {
  try {
    const [, flags = '0'] = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${STDIN}`, 'utf8')) ?? [];
    const { O_RDONLY, O_WRONLY, O_RDWR } = fs.constants;
    const access = Number.parseInt(flags, 8) & (O_RDONLY | O_WRONLY | O_RDWR);
    return access === O_WRONLY && fs.readlinkSync(`/proc/self/fd/${STDIN}`) === '/dev/null';
  } catch {
    // Not on Linux.
    return false;
  }
}
