import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** What a process cost. */
export interface Cost {
  /** Wall time from start to exit, ms. */
  readonly ms: number;
  /** The most memory it and its children ever held, MiB: VmHWM, summed over processes; the pages of files, which they share, count once. */
  readonly peakMib: number;
  readonly stdout: string;
}

/** How often a process's memory is looked at, ms. The kernel keeps the peak, so only what dies in between is missed. */
const LOOK_EVERY_MS = 20;

/**
 * Runs a process to its end and measures it.
 * @param options input: text for its standard input; readMibPerSecond: what it writes is taken only so fast, and thrown away
 * @throws Error with what it wrote to stderr when it exits other than expected
 */
export async function measureProcess(
  command: string,
  args: readonly string[],
  options: { input?: string; exitCodes?: readonly number[]; cwd?: string; readMibPerSecond?: number } = {},
): Promise<Cost> {
  const begun = performance.now();
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: options.cwd });
  const peaks = new Map<number, Peak>();
  const look = setInterval(() => {
    if (child.pid !== undefined) notePeaks(child.pid, peaks);
  }, LOOK_EVERY_MS);
  let stdout = '';
  let stderr = '';
  const { readMibPerSecond } = options;
  if (readMibPerSecond === undefined) child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  else readSlowly(child.stdout, readMibPerSecond);
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)));
  // Not every process reads it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(() => {
    clearInterval(look);
  });
  if (code === null || !(options.exitCodes ?? [0]).includes(code)) {
    throw new Error(`${command} ${args.join(' ')} exited with ${code}: ${stderr}`);
  }
  return { ms: performance.now() - begun, peakMib: total(peaks), stdout };
}

function readSlowly(stream: Readable, mibPerSecond: number): void {
  stream.on('data', (chunk: Buffer) => {
    stream.pause();
    setTimeout(() => stream.resume(), (chunk.length / 2 ** 20 / mibPerSecond) * 1000);
  });
}

/** The memory peak of a process, and how much of what it holds are pages of files: nearly all of the program itself. */
interface Peak {
  readonly mib: number;
  readonly fileMib: number;
}

/** Notes the memory peak of a process and of all below it. */
function notePeaks(pid: number, peaks: Map<number, Peak>): void {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mibOf = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
    // One that has ended, and is not waited for yet, holds nothing.
    if (mibOf('VmHWM') > 0) peaks.set(pid, { mib: mibOf('VmHWM'), fileMib: mibOf('RssFile') });
    for (const child of childrenOf(pid)) notePeaks(child, peaks);
  } catch {
    // It ended in between, or this system has no /proc: then memory is not reported.
  }
}

/** The most memory that a process and those that now run below it have held so far, MiB, counted as `Cost.peakMib`; 0 where there is no /proc. */
export function peakMibOf(pid: number): number {
  const peaks = new Map<number, Peak>();
  notePeaks(pid, peaks);
  return total(peaks);
}

/** The processes that a process started. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** The processor time that a process and all below it have used, ms. */
export function processorMs(pid: number): number {
  // Fields after the name in brackets: utime and stime are the 14th and 15th of the line, in ticks of 10 ms.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const own = (Number(fields[11]) + Number(fields[12])) * 10;
  return childrenOf(pid).reduce((sum, child) => sum + processorMs(child), own);
}

/** The sum of all peaks (MiB), in which pages of files count once. */
function total(peaks: ReadonlyMap<number, Peak>): number {
  const all = [...peaks.values()];
  const sum = (of: (peak: Peak) => number) => all.reduce((so, peak) => so + of(peak), 0);
  return sum(({ mib }) => mib) - sum(({ fileMib }) => fileMib) + Math.max(0, ...all.map(({ fileMib }) => fileMib));
}
