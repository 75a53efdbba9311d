import type { Session } from './session.ts';

/**
 * Runs `work`, in which a statement may take minutes.
 * @param tell called every few seconds while the server is at work for this store: whoever watches over this process would otherwise
 *   take it for one that hangs
 */
export type WhileItWorks = <T>(tell: () => Promise<void>, work: () => Promise<T>) => Promise<T>;

/** Tells of work that the server does. */
export interface ServerWork {
  readonly whileItWorks: WhileItWorks;
  /**
   * Asks the server whether it is at work, where anyone wants to know.
   * @param session not the one that waits
   * @param backend the server's process that may be at work
   */
  look(session: Session, backend: number): Promise<void>;
}

/** Makes what tells of the server's work: one at a time. */
export function createServerWork(): ServerWork {
  let tell: (() => Promise<void>) | null = null;
  return {
    async whileItWorks(wanted, work) {
      tell = wanted;
      try {
        return await work();
      } finally {
        tell = null;
      }
    },
    async look(session, backend) {
      const wanted = tell;
      if (wanted === null) return;
      const [active] = await session.note('look at work', [
        [`SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active'`, [backend]],
      ]);
      // What it throws, to give the file up, it throws between two statements, too.
      if (active?.rowCount === 1 && tell === wanted) await wanted().catch(() => undefined);
    },
  };
}
