import { DgramSocket } from 'node-unix-socket';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createNotifier } from '../../src/supervisor/systemd.ts';
import { tempFolder } from '../helpers/temp.ts';

/** A service manager's socket; gives what it has received. */
function listen(path: string): string[] {
  const received: string[] = [];
  const socket = new DgramSocket();
  socket.bind(path);
  socket.on('data', (message: Buffer) => received.push(message.toString()));
  onTestFinished(() => {
    socket.close();
  });
  return received;
}

test.each([
  ['a path', (folder: string) => [join(folder, 'notify'), join(folder, 'notify')]],
  ['an abstract name', (folder: string) => [`@${folder}`, `\0${folder}`]],
])('sends a datagram of NAME=value lines to %s', async (_, addresses) => {
  const [env = '', path = ''] = addresses(tempFolder());
  const received = listen(path);
  const notifier = createNotifier({ NOTIFY_SOCKET: env }, 1);
  notifier.send({ READY: '1', STATUS: 'idle\nREADY=0' });
  await vi.waitFor(
    () => {
      expect(received).toEqual(['READY=1\nSTATUS=idle READY=0']);
    },
    { timeout: 30_000, interval: 20 },
  );
  notifier.close();
});

test('does nothing where there is no service manager, and outlives one that has gone', () => {
  for (const env of [{}, { NOTIFY_SOCKET: '' }, { NOTIFY_SOCKET: join(tempFolder(), 'none') }]) {
    const notifier = createNotifier(env, 1);
    notifier.send({ READY: '1' });
    notifier.send({ WATCHDOG: '1' });
    notifier.close();
  }
});

test.each([
  [{ WATCHDOG_USEC: '30000000' }, 10_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 10_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, null],
  [{ WATCHDOG_USEC: 'soon' }, null],
  [{}, null],
])('pings at a third of the watchdog time: %j', (env, pingMs) => {
  const notifier = createNotifier({ NOTIFY_SOCKET: '@landfall-test-none', ...env }, 7);
  expect(notifier.pingMs).toBe(pingMs);
  notifier.close();
});
