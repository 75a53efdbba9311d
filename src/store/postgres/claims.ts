import type { Claim } from '../store.ts';
import type { OpenTransaction, Session } from './session.ts';

/** A name that is claimed, and the server's process that works for it. */
export interface InHand {
  readonly name: string;
  readonly backend: number;
}

/** The names that a store has claimed: at most one at a time. */
export interface Claims {
  /** As `Store.claim`. */
  claim(name: string): Promise<Claim | null>;
  /** The transaction of a name that is claimed: what is committed of it is committed there. */
  held(name: string): OpenTransaction | null;
  /** The claim has ended with a commit. */
  done(): void;
  /** What is claimed, or null. */
  readonly inHand: () => InHand | null;
}

/**
 * How long the server waits for a daemon that has claimed a file and asks nothing: while a large file is read from a slow disk. It holds up
 * nobody but those that want the same name; from the merge on the usual limit holds again.
 */
const READ_WITHIN = '1h';

/**
 * Makes the claims of a store. A claim is a lock that the server takes back with the transaction, so that whoever dies in the middle of
 * a file lets go of it at once; and it is the transaction in which the file is loaded, so that one cannot be lost without the other.
 */
export function createClaims(session: Session): Claims {
  let current: (InHand & { readonly transaction: OpenTransaction }) | null = null;
  return {
    async claim(name) {
      const transaction = await session.begin('claim file');
      const backend = await lock(transaction, `landfall claim ${session.place.url.schema} ${name}`);
      if (backend === null) {
        await transaction.rollback();
        return null;
      }
      const mine = { name, backend, transaction };
      current = mine;
      return {
        shared: true,
        async release() {
          if (current !== mine) return;
          current = null;
          await transaction.rollback();
        },
      };
    },
    held: (name) => (current?.name === name ? current.transaction : null),
    done() {
      current = null;
    },
    inHand: () => current,
  };
}

/** @returns the server's process that holds the lock; null: another one does */
async function lock(transaction: OpenTransaction, what: string): Promise<number | null> {
  try {
    return await transaction.first('claim file', async (client) => {
      const { rows } = await client.query<{ taken: boolean; backend: number }>(
        `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS taken, pg_backend_pid() AS backend,
           set_config('idle_in_transaction_session_timeout', $2, true)`,
        [what, READ_WITHIN],
      );
      return rows[0]?.taken === true ? rows[0].backend : null;
    });
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}
