import { createHash } from 'node:crypto';
import { type Channel, SEND_WITHIN_MS, Undelivered } from './channel.ts';
import { bodyOf } from './message.ts';

/** How mails go out. */
export interface MailOptions {
  /** `smtps://user:password@host:465` or `smtp://host:587`: a secret. */
  readonly url: string;
  readonly from: string;
  readonly to: string;
  readonly withinMs?: number;
}

/** Sends each message as a mail. Those about one alert make a thread. */
export function createMail({ url, from, to, withinMs = SEND_WITHIN_MS }: MailOptions): Channel {
  return {
    name: 'mail',
    async send(message) {
      // Loaded only where a mail is sent.
      const { createTransport } = await import('nodemailer');
      const timeouts = { connectionTimeout: withinMs, greetingTimeout: withinMs, socketTimeout: withinMs };
      const transport = createTransport(withTimeouts(url, timeouts));
      const thread = `<${createHash('sha256').update(`${message.id} ${message.opened_at}`).digest('hex').slice(0, 32)}@landfall>`;
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        late.reject(new Undelivered(`the server did not take it within ${withinMs / 1000} s`));
      }, withinMs);
      const mail = {
        ...{ from, to, subject: message.title, text: bodyOf(message) },
        ...{ references: thread, inReplyTo: thread, headers: { 'X-Landfall-Alert': oneLine(message.id) } },
      };
      try {
        await Promise.race([transport.sendMail(mail), late.promise]);
      } catch (error) {
        throw error instanceof Undelivered ? error : new Undelivered(problemOf(error));
      } finally {
        clearTimeout(timer);
        transport.close();
      }
    },
  };
}

function withTimeouts(url: string, timeouts: Readonly<Record<string, number>>): string {
  const address = new URL(url);
  for (const [name, ms] of Object.entries(timeouts))
    if (!address.searchParams.has(name)) address.searchParams.set(name, String(ms));
  return address.href;
}

function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

/** The message of an error may hold what the server said, an address, or a password. */
function problemOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const status = error instanceof Error && 'responseCode' in error ? `, it answered ${String(error.responseCode)}` : '';
  return `the mail server did not take it (${code}${status})`;
}
