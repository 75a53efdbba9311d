import { constants, setPriority } from 'node:os';
import { LandfallError } from '../model/errors.ts';
import type { CommandIo } from '../system/io.ts';
import { watchParent } from '../system/parent-watch.ts';
import type { Job } from './messages.ts';
import { performOnce } from './once-job.ts';
import { performRefill } from './refill-job.ts';
import { performRetry } from './retry-job.ts';
import { performRun } from './run-job.ts';
import { linkToSupervisor, type Supervised } from './supervisor-link.ts';

/**
 * The child process of `run`, `once` and `retry`: owns the database and takes files, until it is done, or its supervisor tells it to
 * stop or is gone. It holds no other promise than P2: it may be killed at any instant.
 * @returns the exit code
 * @throws LandfallError when it cannot run; the supervisor has been told
 */
export async function runWorker(io: CommandIo): Promise<number> {
  const linked = await linkToSupervisor(io);
  if (linked === null) return 0;
  const { job, supervised } = linked;
  yieldToOthers();
  watchParent();
  try {
    const done = await perform(job, supervised);
    supervised.send({ kind: 'done', ...done });
    return done.exitCode;
  } catch (error) {
    // It is printed by whoever called this.
    if (error instanceof LandfallError) supervised.send({ kind: 'done', exitCode: error.exitCode, problem: null });
    throw error;
  }
}

/** @returns the exit code, and what the supervisor is to tell; null where the job has told it itself */
async function perform(job: Job, supervised: Supervised): Promise<{ exitCode: number; problem: string | null }> {
  switch (job.verb) {
    case 'run':
      return performRun(supervised);
    case 'once':
      return { exitCode: await performOnce(supervised), problem: null };
    case 'retry':
      return { exitCode: await performRetry(supervised, job.names), problem: null };
    case 'refill':
      return { exitCode: await performRefill(supervised, job.archives), problem: null };
  }
}

/** A long ingest must not keep the supervisor, or `landfall status`, from a processor. */
function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A sandbox may forbid it: then they share.
  }
}
