import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describeError } from '../output/error-report.ts';
import { hostAndPort, type HttpAddress } from '../settings/http-address.ts';
import { systemCode } from '../system/system-error.ts';
import { refuse, type Access } from './access.ts';

/** What is answered to a request; `stream`: the response is kept and written to as things happen. */
export type Reply =
  | {
      readonly kind: 'whole';
      readonly status: number;
      readonly type: string;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'stream'; readonly type: string; readonly onOpen: (response: ServerResponse) => void };

/** Answers a request that was let in. */
export type Answer = (url: URL) => Promise<Reply> | Reply;

/** The request line and all headers, in bytes. */
const MOST_HEADER_BYTES = 8 * 1024;
/** A request has to be there whole within so long, in ms. */
const REQUEST_MS = 10_000;
/** A connection on which nothing moves is closed after so long, in ms; event streams have signs of life. */
const SILENT_MS = 60_000;
const KEEP_ALIVE_MS = 5_000;
/** Connections at a time, event streams with them. */
const MOST_CONNECTIONS = 512;

/** Nothing is loaded from elsewhere, run from the page itself, framed, kept by a cache, or told to another site. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;

/** A server that lets in who may ask, and answers each request with these headers. It does not listen yet. */
export function createSiteServer(access: Access, answer: Answer): Server {
  const answering = new WeakSet<Socket>();
  const server = createServer(
    {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: REQUEST_MS / 2,
    },
    (request, response) => {
      const { socket } = request;
      // Thousands of requests in one packet would keep the supervisor busy for seconds. No browser asks on before it is answered.
      if (answering.has(socket)) {
        socket.destroy();
        return;
      }
      answering.add(socket);
      response.once('close', () => answering.delete(socket));
      void respond(request, response, access, answer);
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(SILENT_MS);
  // A connection that cannot be taken on, as there are no more open files, is no reason to end.
  server.on('error', () => undefined);
  // Nothing here is spoken to by another protocol.
  server.on('upgrade', (_request, socket) => socket.destroy());
  return server;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  access: Access,
  answer: Answer,
): Promise<void> {
  // A client that goes away in the middle is no matter of ours.
  response.on('error', () => undefined);
  const url = urlOf(request);
  const reply = url === null ? plain(400, 'no such address') : await replyTo(request, url, access, answer);
  if (response.destroyed) return;
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  response.setHeader('Content-Type', reply.type);
  // What a request brings along is not read.
  if (request.method !== 'GET' && request.method !== 'HEAD') response.setHeader('Connection', 'close');
  if (reply.kind === 'stream') {
    response.writeHead(200);
    if (request.method === 'HEAD') response.end();
    else reply.onOpen(response);
    return;
  }
  const body = Buffer.from(reply.body);
  response.writeHead(reply.status, { ...reply.headers, 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function urlOf({ url = '/' }: IncomingMessage): URL | null {
  return url.startsWith('/') ? URL.parse(`http://landfall${url}`) : null;
}

async function replyTo(request: IncomingMessage, url: URL, access: Access, answer: Answer): Promise<Reply> {
  const refusal = refuse(request, url.pathname, access);
  if (refusal !== null) return plain(refusal.status, refusal.text, refusal.headers);
  try {
    return await answer(url);
  } catch (error) {
    const [problem = ''] = describeError(error).split('\n');
    return plain(500, problem);
  }
}

/** A reply of one line. */
export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { kind: 'whole', status, type: 'text/plain; charset=utf-8', body: `${text}\n`, headers };
}

/**
 * Has a server listen.
 * @returns null, or why it cannot, in one clause
 */
export async function listen(server: Server, address: HttpAddress): Promise<string | null> {
  const ended = Promise.withResolvers<unknown>();
  const failed = (error: unknown): void => {
    ended.resolve(error);
  };
  server.once('error', failed);
  server.listen(address.port, address.host, () => {
    ended.resolve(null);
  });
  const error = await ended.promise;
  server.off('error', failed);
  return error === null ? null : whyNot(systemCode(error), address);
}

/** What the system says of a host that is another's, or nobody's. */
const NOT_HERE: readonly string[] = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'];

function whyNot(code: string | null, address: HttpAddress): string {
  const at = hostAndPort(address);
  if (code === 'EADDRINUSE') return `another program has ${at}: name another port with --http, or end that program`;
  if (code === 'EACCES') return `${at} may not be used: name a port from 1024 on with --http`;
  if (code !== null && NOT_HERE.includes(code))
    return `${at} is no address of this machine: name one with --http, e.g. 127.0.0.1:8080`;
  return `${at} cannot be listened on: ${code ?? 'an unexpected error'}`;
}
