import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';

/** Where a server listens. */
export interface HttpAddress {
  /** A name or an address; one of IPv6 without its brackets. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` */
export const httpAddress = z.string().transform((text, context): HttpAddress => {
  const [, inBrackets, plain, digits = ''] = /^(?:\[([^[\]]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (inBrackets !== undefined && isIP(inBrackets) !== 6)) {
    context.addIssue('must be HOST:PORT such as 127.0.0.1:8080, localhost:8080 or [::1]:8080');
    return z.NEVER;
  }
  return { host, port };
});

/** Whether only this machine reaches a host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** An address as it stands in a URL. */
export function hostAndPort({ host, port }: HttpAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
