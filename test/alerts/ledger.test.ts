import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forgetAcknowledged, readAcknowledged, readAlerts, writeAlerts } from '../../src/alerts/alert-file.ts';
import { createAlerter } from '../../src/alerts/alerter.ts';
import { readDataConditions } from '../../src/findings/data-conditions.ts';
import type { Expectation } from '../../src/model/expectation.ts';
import { procedure } from '../helpers/rows.ts';
import { tempFolder } from '../helpers/temp.ts';
import { describeReadStores } from '../store/conformance/reading.ts';

/** Each day by 06:00 UTC, two hours of grace. */
const DAILY: Expectation = {
  ...{
    every: 'day',
    on: 1,
    by: { hours: 6, minutes: 0 },
    daysLater: 0,
    graceMs: 7_200_000,
    zone: 'UTC',
    stamps: 'utc',
  },
  except: { weekends: false, dates: [] },
};

describeReadStores('alerts from the ledger', (open) => {
  test('overdue opens once when the clock has passed deadline and grace, also over restarts, and closes when the file comes', async () => {
    const desk = await open();
    const feed = {
      ...desk.feed,
      datasets: desk.feed.datasets.map((one) => (one.name === 'Procedure' ? { ...one, expect: DAILY } : one)),
    };
    await desk.deliver('Procedure', '20260809_000000', [procedure('P1')]);
    const place = join(tempFolder(), 'x');
    const told: string[] = [];
    /** Another process each time: it knows the ledger and what is written beside it. */
    const lookAt = async (time: string): Promise<string[]> => {
      const now = new Date(time);
      const alerter = createAlerter({
        channels: [{ name: 'test', send: ({ event, id }) => Promise.resolve(void told.push(`${event} ${id}`)) }],
        store: {
          read: () => readAlerts(place),
          write: (book) => {
            writeAlerts(place, book);
          },
          acknowledged: () => readAcknowledged(place),
          forgetAcknowledged: () => {
            forgetAcknowledged(place);
          },
        },
        sender: { feed: feed.name, host: 'here' },
        repeatMs: 0,
        now: () => now,
        monotonic: () => 0,
        onTrouble: () => undefined,
      });
      alerter.look(await readDataConditions({ db: desk.place.db, feed, alertRejected: 0.05 }, 'here', now));
      await alerter.idle();
      return told.splice(0);
    };
    expect(await lookAt('2026-08-10T07:59:59Z')).toEqual([]);
    expect(await lookAt('2026-08-10T08:00:01Z')).toEqual(['opened overdue:Procedure:2026-08-10']);
    expect(await lookAt('2026-08-10T08:01:00Z')).toEqual([]);
    expect(await lookAt('2026-08-11T05:00:00Z')).toEqual([]);
    await desk.deliver('Procedure', '20260810_120000', [procedure('P2')]);
    expect(await lookAt('2026-08-11T05:01:00Z')).toEqual(['closed overdue:Procedure:2026-08-10']);
    expect(await lookAt('2026-08-11T05:02:00Z')).toEqual([]);
  });
});
