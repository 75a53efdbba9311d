import pg from 'pg';
import { z } from 'zod';
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
      const { transaction, answer } = await session.begin(
        'claim file',
        lockSql(`landfall claim ${session.place.url.schema} ${name}`),
      );
      const { taken, backend } = lockSchema.parse(answer);
      if (!taken) {
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

const lockSchema = z.object({ taken: z.boolean(), backend: z.int() });

/** SQL that tries to take a lock: whether it was taken, and the server's process that then holds it. */
function lockSql(what: string): string {
  return `SELECT pg_try_advisory_xact_lock(hashtextextended(${pg.escapeLiteral(what)}, 0)) AS taken, pg_backend_pid() AS backend,
    set_config('idle_in_transaction_session_timeout', '${READ_WITHIN}', true)`;
}
