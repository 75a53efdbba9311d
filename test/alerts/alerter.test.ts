import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  acknowledge,
  alertFile,
  forgetAcknowledged,
  readAcknowledged,
  readAlerts,
  writeAlerts,
} from '../../src/alerts/alert-file.ts';
import { createAlerter, type Alerter, type AlerterOptions, type Known } from '../../src/alerts/alerter.ts';
import { type Channel, Undelivered } from '../../src/alerts/channel.ts';
import { createWebhook } from '../../src/alerts/webhook.ts';
import type { Message } from '../../src/alerts/message.ts';
import type { Condition } from '../../src/status/condition.ts';
import { receiveHttp } from '../helpers/receivers.ts';
import { tempFolder } from '../helpers/temp.ts';

const HOUR_MS = 3_600_000;

function condition(id: string): Condition {
  const [kind = ''] = id.split(':');
  return {
    ...{ id, kind: kind as Condition['kind'], severity: 'error', dataset: null, file: null, period: null },
    ...{ text: `${id} is so`, hint: null, since: null },
  };
}

/** Alerts on a real file, with a clock that only the test moves and one receiver in memory. */
function openDesk() {
  const place = join(tempFolder(), 'x.sqlite');
  const clock = { ms: Date.parse('2026-11-21T07:00:00Z') };
  const got: string[] = [];
  const troubles: (string | null)[] = [];
  const receiver = { fails: false };
  const channel: Channel = {
    name: 'test',
    send({ event, id }: Message) {
      if (receiver.fails) return Promise.reject(new Undelivered('the server answered 500'));
      got.push(`${event} ${id}`);
      return Promise.resolve();
    },
  };
  const start = (changes: Partial<AlerterOptions> = {}): Alerter =>
    createAlerter({
      channels: [channel],
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
      sender: { feed: 'visitpay', host: 'here' },
      repeatMs: 24 * HOUR_MS,
      now: () => new Date(clock.ms),
      monotonic: () => clock.ms,
      onTrouble: (problem) => troubles.push(problem),
      ...changes,
    });
  const look = async (alerter: Alerter, ids: readonly string[], data: Known['data'] = 'known'): Promise<void> => {
    alerter.look({ conditions: ids.map(condition), data });
    await alerter.idle();
  };
  return { place, clock, got, troubles, receiver, channel, start, look };
}

const OVERDUE = 'overdue:Visit:2026-11-20';
const FULL = 'fault:database';

describe('alerts', () => {
  test('open once, also over restarts, and close when the condition is over', async () => {
    const { place, got, start, look } = openDesk();
    const alerter = start();
    await look(alerter, [OVERDUE]);
    await look(alerter, [OVERDUE, FULL]);
    await look(start(), [OVERDUE, FULL]);
    expect(got).toEqual([`opened ${OVERDUE}`, `opened ${FULL}`]);
    expect(statSync(alertFile(place)).mode & 0o777).toBe(0o600);
    await look(start(), [FULL]);
    await look(start(), []);
    await look(start(), []);
    expect(got.slice(2)).toEqual([`closed ${OVERDUE}`, `closed ${FULL}`]);
    expect(readAlerts(place).size).toBe(0);
    await look(start(), [OVERDUE]);
    expect(got.at(-1)).toBe(`opened ${OVERDUE}`);
  });

  test('about data stay open while the database cannot be asked; its fault is told', async () => {
    const { got, start, look } = openDesk();
    const alerter = start();
    await look(alerter, [OVERDUE]);
    await look(alerter, [FULL], 'unknown');
    await look(alerter, [], 'unknown');
    await look(alerter, [OVERDUE]);
    expect(got).toEqual([`opened ${OVERDUE}`, `opened ${FULL}`, `closed ${FULL}`]);
  });

  test('about data are told by one of several daemons: another opens and repeats none, and tells the end of what it has told', async () => {
    const { clock, got, start, look } = openDesk();
    const OTHER = 'quarantined:x.txt:1';
    const alerter = start();
    await look(alerter, [OVERDUE, OTHER]);
    expect(got.splice(0)).toEqual([`opened ${OVERDUE}`, `opened ${OTHER}`]);
    // It was away for long: another daemon has taken over, and what was quarantined is in.
    await look(alerter, [OVERDUE, 'held:y.txt:1', FULL], 'elsewhere');
    expect(got.splice(0)).toEqual([`closed ${OTHER}`, `opened ${FULL}`]);
    clock.ms += 100 * HOUR_MS;
    await look(start(), [OVERDUE, 'held:y.txt:1'], 'elsewhere');
    expect(got.splice(0)).toEqual([`closed ${FULL}`]);
    // Now the other one is away.
    await look(start(), [OVERDUE]);
    expect(got).toEqual([`opened ${OVERDUE}`]);
  });

  test('are repeated no more often than asked for, and not once acknowledged, until they open again', async () => {
    const { place, clock, got, start, look } = openDesk();
    const alerter = start();
    await look(alerter, [OVERDUE]);
    clock.ms += 23 * HOUR_MS;
    await look(alerter, [OVERDUE]);
    clock.ms += HOUR_MS;
    await look(alerter, [OVERDUE]);
    await look(alerter, [OVERDUE]);
    expect(got).toEqual([`opened ${OVERDUE}`, `repeated ${OVERDUE}`]);
    acknowledge(place, OVERDUE, new Date(clock.ms).toISOString());
    clock.ms += 100 * HOUR_MS;
    await look(alerter, [OVERDUE]);
    expect(got).toHaveLength(2);
    await look(alerter, []);
    expect(got).toHaveLength(3);
    expect(existsSync(`${place}.alerts-acked`)).toBe(false);
    await look(alerter, [OVERDUE]);
    clock.ms += 24 * HOUR_MS;
    await look(alerter, [OVERDUE]);
    expect(got.slice(3)).toEqual([`opened ${OVERDUE}`, `repeated ${OVERDUE}`]);
  });

  test('P2: a kill at any step of their delivery loses none: each arrives at least once with its id, and its end', async () => {
    for (let step = 1; ; step++) {
      const desk = openDesk();
      let left = step;
      const never = new Promise<never>(() => undefined);
      /** Whether the process still runs at its next step. */
      const lives = (): boolean => --left > 0;
      const dying: Partial<AlerterOptions> = {
        channels: [
          {
            name: 'test',
            async send(message) {
              if (!lives()) return await never;
              await desk.channel.send(message);
              if (!lives()) await never;
            },
          },
        ],
        store: {
          read: () => readAlerts(desk.place),
          write: (book) => {
            if (lives()) writeAlerts(desk.place, book);
            else if (left === 0) writeFileSync(`${alertFile(desk.place)}.new`, '{"alerts":[{"id"');
          },
          acknowledged: () => new Map(),
          forgetAcknowledged: () => undefined,
        },
      };
      const settle = async (alerter: Alerter): Promise<void> => {
        await Promise.race([alerter.idle(), new Promise((resolve) => setImmediate(resolve))]);
      };
      const first = desk.start(dying);
      first.look({ conditions: [OVERDUE, FULL].map(condition), data: 'known' });
      await settle(first);
      if (left > 0) {
        first.look({ conditions: [FULL].map(condition), data: 'known' });
        await settle(first);
      }
      const opened = left > 0 ? [FULL] : [OVERDUE, FULL];
      const wasKilled = left <= 0;
      // The next process, on what the one before has left.
      const next = desk.start();
      await desk.look(next, opened);
      await desk.look(next, []);
      for (const id of [OVERDUE, FULL]) {
        expect(desk.got, `step ${step}`).toContain(`opened ${id}`);
        expect(desk.got.filter((one) => one === `closed ${id}`).length, `step ${step}`).toBeGreaterThan(0);
      }
      expect(readAlerts(desk.place).size).toBe(0);
      if (!wasKilled) {
        expect(step).toBeGreaterThan(8);
        return;
      }
    }
  });

  test('P7: a receiver that fails is tried again with growing pauses, after five times told as a fault, and then is well again', async () => {
    const { clock, got, troubles, receiver, start, look } = openDesk();
    const alerter = start();
    receiver.fails = true;
    for (const waitMs of [0, 15_000, 30_000, 60_000, 120_000]) {
      clock.ms += waitMs;
      await look(alerter, [OVERDUE]);
    }
    expect(troubles.slice(-2)).toEqual([
      null,
      'alerts are not delivered (test: the server answered 500); it is tried again',
    ]);
    receiver.fails = false;
    clock.ms += 239_999;
    await look(alerter, [OVERDUE]);
    expect(got).toEqual([]);
    clock.ms += 1;
    await look(alerter, [OVERDUE]);
    expect([got, troubles.at(-1)]).toEqual([[`opened ${OVERDUE}`], null]);
  });

  test('P7: a receiver that answers 500, hangs and cuts off, five times, is told in the end, once, and nobody else waits for it', async () => {
    const { clock, got, troubles, channel, start, look } = openDesk();
    const receiver = await receiveHttp();
    const webhook = createWebhook({ url: receiver.url, headers: {}, template: null, withinMs: 400 });
    const alerter = start({ channels: [webhook, channel] });
    const ways: readonly ((response: ServerResponse) => void)[] = [
      (response) => response.writeHead(500).end(),
      () => undefined,
      (response) => response.destroy(),
      (response) => response.writeHead(503).end(),
      () => undefined,
    ];
    for (const [at, way] of ways.entries()) {
      receiver.answer = way;
      clock.ms += at === 0 ? 0 : 15_000 * 2 ** (at - 1);
      await look(alerter, [OVERDUE]);
    }
    expect(got).toEqual([`opened ${OVERDUE}`]);
    expect(troubles.at(-1)).toBe('alerts are not delivered (webhook: no answer within 0.4 s); it is tried again');
    receiver.answer = (response) => response.end('ok');
    clock.ms += 15_000 * 2 ** 4;
    await look(alerter, [OVERDUE]);
    await look(alerter, [OVERDUE]);
    expect(troubles.at(-1)).toBeNull();
    expect(receiver.bodies).toHaveLength(6);
    expect(new Set(receiver.bodies.map((body) => (JSON.parse(body) as Message).id))).toEqual(new Set([OVERDUE]));
  });

  test('go on where their file cannot be written, and are told anew where it cannot be read', async () => {
    const { place, got, start, look } = openDesk();
    const broken = start({
      store: {
        read: () => readAlerts(place),
        write: () => {
          throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        },
        acknowledged: () => new Map(),
        forgetAcknowledged: () => undefined,
      },
    });
    await look(broken, [FULL]);
    await look(broken, [FULL]);
    expect(got).toEqual([`opened ${FULL}`]);
    writeFileSync(alertFile(place), 'no JSON');
    await look(start(), [FULL]);
    expect(got).toEqual([`opened ${FULL}`, `opened ${FULL}`]);
    expect(readFileSync(alertFile(place), 'utf8')).toContain(`"id":"${FULL}"`);
  });
});
