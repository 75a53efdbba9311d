import { spawn, type ChildProcess } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import type { Program } from './io.ts';

/**
 * V8's space for young objects, in MB: with the 16 that are usual, listing 100,000 files takes 55 MB more, and loading rows
 * is no faster.
 */
const SMALL_NURSERY = '--max-semi-space-size=4';

/**
 * Starts this program again as a child process that is spoken to by messages.
 * @param verb the hidden command that the child runs
 * @param flags of Node, besides those of this process
 * @returns null where the system starts none, as it has no more processes, open files or memory: Node throws some of that, and tells
 * the rest later
 */
export function spawnSelf(
  program: Program,
  env: Readonly<Record<string, string | undefined>>,
  verb: string,
  flags: readonly string[] = [],
): ChildProcess | null {
  const [node, ...args] = program.command;
  const cache = getCompileCacheDir();
  try {
    const child = spawn(node, [SMALL_NURSERY, ...flags, ...args, verb], {
      // Outputs are not inherited: a process that is spawned or ends switches one that it shares back to blocking. Nothing is
      // written to its standard input, which tells it that this process has gone: see `watchParent`.
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
      env: { ...env, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
    });
    // Nor is a signal that cannot be sent more than what `close` says.
    child.on('error', () => undefined);
    return child.pid === undefined ? null : child;
  } catch {
    return null;
  }
}
