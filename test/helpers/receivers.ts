import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** An HTTP server on this machine that keeps what is posted to it. */
export interface HttpReceiver {
  readonly url: string;
  /** What was posted, oldest first. */
  readonly bodies: string[];
  /** The headers of the last request. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** How it answers from now on; by default with 200. */
  answer: (response: ServerResponse) => void;
}

type OnFinished = (cleanUp: () => void) => void;

/** @param finished where it is ended; the test's own, from its context, where tests run beside each other */
export async function receiveHttp(finished: OnFinished = onTestFinished): Promise<HttpReceiver> {
  const receiver: HttpReceiver = { url: '', bodies: [], headers: {}, answer: (response) => response.end('ok') };
  const server = createHttpServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      receiver.bodies.push(body);
      receiver.headers = request.headers;
      receiver.answer(response);
    });
  });
  const port = await listen(server);
  finished(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(receiver, { url: `http://127.0.0.1:${port}/T0/SECRET` });
}

/** A mail server on this machine that keeps what it is given. */
export interface MailReceiver {
  readonly url: string;
  /** Whole mails, as they were sent. */
  readonly mails: string[];
  /** What it says to a mail; by default that it takes it. */
  reply: string;
}

/** Speaks as much of SMTP (RFC 5321) as it takes to be given a mail. */
export async function receiveMail(finished: OnFinished = onTestFinished): Promise<MailReceiver> {
  const receiver: MailReceiver = { url: '', mails: [], reply: '250 taken' };
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.write('220 test\r\n');
    let rest = '';
    let mail: string[] | null = null;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString()).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (mail === null) {
          if (line === 'DATA') mail = [];
          socket.write(line === 'DATA' ? '354 go on\r\n' : line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
        } else if (line === '.') {
          receiver.mails.push(mail.join('\n'));
          mail = null;
          socket.write(`${receiver.reply}\r\n`);
        } else mail.push(line);
      }
    });
  });
  const port = await listen(server);
  finished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return Object.assign(receiver, { url: `smtp://127.0.0.1:${port}` });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
