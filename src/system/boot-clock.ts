import { readFileSync } from 'node:fs';
import { hrtime } from 'node:process';

/** A clock that nobody sets: the ms since a boot of the machine, without those in which it slept; all its processes have it. */
export interface BootTime {
  /** Which boot. */
  readonly boot: string;
  readonly ms: number;
}

/** Which boot this is; it does not change while this process lives. Null where the system does not tell its boots apart (Linux does: random(4)). */
export const BOOT = readBoot();

/** How late it is by that clock; null where the system does not tell its boots apart. */
export function bootTime(): BootTime | null {
  return BOOT === null ? null : { boot: BOOT, ms: Number(hrtime.bigint() / 1_000_000n) };
}

function readBoot(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
