import { afterEach, expect, test, vi } from 'vitest';
import { openIncoming } from '../../../src/store/open.ts';
import { billsFeed } from '../../helpers/bills-feed.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('the checks keep the rows of a file in hand, however long it pauses', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const feed = billsFeed('[{ name: none }]', { none: 'SELECT source_line FROM incoming' });
  const [dataset] = feed.datasets;
  if (dataset === undefined) throw new Error('the feed has a dataset');
  const incoming = await openIncoming('bills.sqlite', feed, dataset);
  if (incoming === null) throw new Error('SQLite needs no server');
  try {
    const { signal } = new AbortController();
    expect(await incoming.check(signal)).toMatchObject([{ kind: 'ended', rows: 0 }]);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(await incoming.check(signal)).toMatchObject([{ kind: 'ended', rows: 0 }]);
  } finally {
    await incoming.close();
  }
});
