import { systemCode } from '../system/system-error.ts';
import { type Channel, SEND_WITHIN_MS, Undelivered } from './channel.ts';
import { fillIn, isJsonTemplate } from './message.ts';

/** Where messages are posted to. */
export interface WebhookOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: the message as JSON. */
  readonly template: string | null;
  readonly withinMs?: number;
}

/** Posts each message to an address, which is a secret. */
export function createWebhook({ url, headers, template, withinMs = SEND_WITHIN_MS }: WebhookOptions): Channel {
  const isJson = template === null || isJsonTemplate(template);
  const type = isJson ? 'application/json' : 'text/plain; charset=utf-8';
  return {
    name: 'webhook',
    async send(message) {
      const body = template === null ? JSON.stringify(message) : fillIn(template, message);
      await request(url, { method: 'POST', headers: { 'content-type': type, ...headers }, body }, withinMs);
    },
  };
}

/**
 * Makes a request whose answer is of no interest but for its status.
 * @throws Undelivered
 */
export async function request(url: string, init: RequestInit, withinMs: number): Promise<void> {
  let answer: Response;
  try {
    answer = await fetch(url, { ...init, signal: AbortSignal.timeout(withinMs) });
    await answer.body?.cancel();
  } catch (error) {
    throw new Undelivered(problemOf(error, withinMs));
  }
  if (!answer.ok) throw new Undelivered(`the server answered ${answer.status}`);
}

/** The message of an error of `fetch` may hold the address. */
function problemOf(error: unknown, withinMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${withinMs / 1000} s`;
  const cause = error instanceof Error ? error.cause : null;
  const code = cause instanceof Error && 'code' in cause ? cause.code : systemCode(error);
  return `the server cannot be reached${typeof code === 'string' ? ` (${code})` : ''}`;
}
