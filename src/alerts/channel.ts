import type { Message } from './message.ts';

/** A way to tell people. */
export interface Channel {
  /** `webhook`, `mail` or `command`. */
  readonly name: string;
  /**
   * Tells a message.
   * @throws Undelivered with one clause on why it did not go
   */
  readonly send: (message: Message) => Promise<void>;
}

/** A message did not go. Says why without a secret: no address of a webhook, no answer of a server. */
export class Undelivered extends Error {
  override readonly name = 'Undelivered';
}

/** A receiver is waited for at most so long, in ms. */
export const SEND_WITHIN_MS = 15_000;
