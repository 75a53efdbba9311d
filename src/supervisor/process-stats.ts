import fs from 'node:fs';

/** What the system says of a process that is deaf in the middle of something. */
export interface ProcessStats {
  /** What its main thread has read and written since its start: changes while a SQLite statement is at work, in bytes. */
  readonly bytes: bigint;
  /** Processor time that its main thread has used, in ms. */
  readonly cpuMs: number;
  /** Whether its main thread runs, or would if it were given a processor. */
  readonly runs: boolean;
  /** Whether one of its threads waits for a disk or a network mount, in which nothing can interrupt it. */
  readonly waitsForDisk: boolean;
}

/** Processor time is told in hundredths of a second (sysconf(_SC_CLK_TCK), 100 on every Linux that Node runs on). */
const TICK_MS = 10;

/**
 * Reads what /proc tells of a process from outside, which needs nothing of it: proc_pid_io(5), proc_pid_stat(5).
 * @returns null where there is no such thing (not Linux), or it may not be read, or the process has gone
 */
export function readProcessStats(pid: number): ProcessStats | null {
  const tasks = `/proc/${pid}/task`;
  try {
    const io = fs.readFileSync(`${tasks}/${pid}/io`, 'utf8');
    const main = readStat(`${tasks}/${pid}/stat`);
    const states = fs.readdirSync(tasks).map((task) => readStat(`${tasks}/${task}/stat`).state);
    return {
      bytes: [...io.matchAll(/^[rw]char: (\d+)$/gm)].reduce((sum, [, count = '0']) => sum + BigInt(count), 0n),
      cpuMs: main.cpuMs,
      runs: main.state === 'R',
      waitsForDisk: states.includes('D'),
    };
  } catch {
    return null;
  }
}

function readStat(file: string): { state: string; cpuMs: number } {
  // The second field is the command in brackets, which may hold spaces and brackets; the third is the state, the 14th and 15th
  // the time in user and in system mode.
  const text = fs.readFileSync(file, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS };
}
