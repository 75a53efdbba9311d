import { every } from '../system/timers.ts';
import { Undelivered } from './channel.ts';
import { request } from './webhook.ts';

/** So often it is said that the daemon is alive, in ms. */
const PING_MS = 60_000;
/** Longer it does not wait for the answer, in ms. */
const WITHIN_MS = 10_000;

/**
 * Calls the address once.
 * @throws Undelivered
 */
export async function callPing(url: string): Promise<void> {
  await request(url, {}, WITHIN_MS);
}

/**
 * Calls an address every minute while all is well, until released: a daemon that is dead cannot alert, and whoever is called no more
 * does. That it cannot be called is theirs to tell.
 * @param isWell whether files can go in
 */
export function startPinging(url: string, isWell: () => boolean, releases: DisposableStack): void {
  const ping = async (): Promise<void> => {
    if (!isWell()) return;
    try {
      await callPing(url);
    } catch (error) {
      if (!(error instanceof Undelivered)) throw error;
    }
  };
  void ping();
  every(releases, PING_MS, () => void ping());
}
