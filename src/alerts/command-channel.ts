import { spawn } from 'node:child_process';
import { type Channel, SEND_WITHIN_MS, Undelivered } from './channel.ts';

/**
 * Runs a program for each message, which is given as JSON on its standard input. There is no shell.
 * @param command the program and its arguments
 */
export function createCommandChannel(
  [program = '', ...args]: readonly string[],
  withinMs: number = SEND_WITHIN_MS,
): Channel {
  return {
    name: 'command',
    send: (message) =>
      new Promise((resolve, reject) => {
        const child = spawn(program, args, {
          stdio: ['pipe', 'ignore', 'ignore'],
          timeout: withinMs,
          killSignal: 'SIGKILL',
        });
        child.once('error', () => {
          reject(new Undelivered('the command cannot be started'));
        });
        child.once('exit', (code, signal) => {
          if (code === 0) resolve();
          else if (signal === null) reject(new Undelivered(`the command ended with ${code ?? 0}`));
          else reject(new Undelivered(`the command was ended by ${signal}; it has ${withinMs / 1000} s`));
        });
        // One that does not read it may still do what it should.
        child.stdin.on('error', () => undefined);
        child.stdin.end(`${JSON.stringify(message)}\n`);
      }),
  };
}
