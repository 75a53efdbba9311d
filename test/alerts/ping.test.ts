import { expect, onTestFinished, test, vi } from 'vitest';
import { startPinging } from '../../src/alerts/ping.ts';
import { receiveHttp } from '../helpers/receivers.ts';

test('P7: a ping is sent at once and each minute while files can go in, whatever is answered, and not while none can', async () => {
  const receiver = await receiveHttp();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const releases = new DisposableStack();
  onTestFinished(() => {
    releases.dispose();
    vi.useRealTimers();
  });
  let isWell = true;
  startPinging(receiver.url, () => isWell, releases);
  const hasCome = async (pings: number): Promise<void> => {
    await vi.waitFor(() => {
      expect(receiver.bodies).toHaveLength(pings);
    }, 5_000);
  };
  await hasCome(1);
  receiver.answer = (response) => response.writeHead(500).end();
  vi.advanceTimersByTime(60_000);
  await hasCome(2);
  receiver.answer = () => undefined;
  vi.advanceTimersByTime(60_000);
  await hasCome(3);
  isWell = false;
  vi.advanceTimersByTime(600_000);
  isWell = true;
  vi.advanceTimersByTime(60_000);
  await hasCome(4);
  releases.dispose();
  vi.advanceTimersByTime(600_000);
  await hasCome(4);
});
