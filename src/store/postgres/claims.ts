import type { Claim } from '../store.ts';
import type { OpenTransaction, Session } from './session.ts';

/** The names that a store has claimed: at most one at a time. */
export interface Claims {
  /** As `Store.claim`. */
  claim(name: string): Promise<Claim | null>;
  /** The transaction of a name that is claimed: what is committed of it is committed there. */
  held(name: string): OpenTransaction | null;
  /** The claim has ended with a commit. */
  done(): void;
  /** The name that is claimed, or null. */
  readonly inHand: () => string | null;
}

/**
 * Makes the claims of a store. A claim is a lock that the server takes back with the transaction, so that whoever dies in the middle of
 * a file lets go of it at once; and it is the transaction in which the file is loaded, so that one cannot be lost without the other.
 */
export function createClaims(session: Session): Claims {
  let current: { readonly name: string; readonly transaction: OpenTransaction } | null = null;
  return {
    async claim(name) {
      const transaction = await session.begin('claim file');
      const claimed = await lock(transaction, `landfall claim ${session.place.url.schema} ${name}`);
      if (!claimed) {
        await transaction.rollback();
        return null;
      }
      const mine = { name, transaction };
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
    inHand: () => current?.name ?? null,
  };
}

async function lock(transaction: OpenTransaction, what: string): Promise<boolean> {
  try {
    return await transaction.part('claim file', async (client) => {
      const { rows } = await client.query<{ taken: boolean }>(
        'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS taken',
        [what],
      );
      return rows[0]?.taken === true;
    });
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}
