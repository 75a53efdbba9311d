import { hostname } from 'node:os';
import { isAcknowledged, type Alert } from '../alerts/alert-book.ts';
import { acknowledge, readAcknowledged, readAlerts } from '../alerts/alert-file.ts';
import { Undelivered } from '../alerts/channel.ts';
import { createChannels, pingUrl } from '../alerts/channels.ts';
import { messageOf } from '../alerts/message.ts';
import { callPing } from '../alerts/ping.ts';
import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_FAILED } from '../model/exit-codes.ts';
import { jsonText } from '../output/json.ts';
import { writePieces } from '../output/sink.ts';
import { layOut } from '../output/table.ts';
import { printable } from '../output/terminal.ts';
import type { Settings } from '../settings/settings.ts';
import type { Condition } from '../status/condition.ts';
import { heartbeatPlace } from '../status/heartbeat.ts';
import { readReport } from '../status/read-report.ts';
import type { CommandIo } from '../system/io.ts';

/** What `alerts` takes. */
export interface AlertsOptions {
  readonly settings: Settings;
  readonly json: boolean;
  readonly verb: 'list' | 'ack' | 'test';
  /** What is acknowledged. */
  readonly ids: readonly string[];
}

/**
 * Shows what needs someone and who was told; acknowledges; or tries every channel.
 * @returns 0; 1 where a channel does not take a test, or an id is none of an alert
 * @throws LandfallError when what is set up for alerts cannot be read, or there is nothing to look at
 */
export async function alerts(options: AlertsOptions, io: CommandIo): Promise<number> {
  if (options.verb === 'test') return await testChannels(options.settings, io);
  const conditions = await conditionsNow(options.settings, io);
  if (options.verb === 'ack') return acknowledgeAll(options, conditions, io);
  const place = heartbeatPlace(options.settings);
  const told = readAlerts(place);
  const acknowledged = readAcknowledged(place);
  const shown = conditions.map((condition) => {
    const alert = told.get(condition.id);
    const isAcked = alert !== undefined && isAcknowledged(alert, acknowledged);
    return {
      ...condition,
      told: alert?.told ?? {},
      acknowledged_at: isAcked ? (acknowledged.get(alert.id) ?? null) : null,
    };
  });
  if (options.json) await writePieces(io.stdout, jsonText(shown));
  else if (shown.length === 0) io.stdout.write('nothing needs anyone\n');
  else {
    const rows = shown.map(({ severity, id, text, told: channels, acknowledged_at: at }) => [
      severity,
      id,
      at === null ? Object.keys(channels).join(', ') : 'acknowledged',
      text,
    ]);
    io.stdout.write(layOut(io.stdout, ['severity', 'id', 'told', { header: 'details', prose: true }], rows));
  }
  return 0;
}

async function conditionsNow(settings: Settings, io: CommandIo): Promise<readonly Condition[]> {
  await using opened = new AsyncDisposableStack();
  const { report } = await readReport({ settings, version: io.program.version, now: io.now(), most: 0 }, opened);
  return report.conditions;
}

function acknowledgeAll({ settings, ids }: AlertsOptions, conditions: readonly Condition[], io: CommandIo): number {
  if (ids.length === 0)
    throw new LandfallError('alerts ack', 'it needs the id of an alert', { hint: '"landfall alerts" shows them' });
  const place = heartbeatPlace(settings);
  const known = new Set([...conditions.map(({ id }) => id), ...readAlerts(place).keys()]);
  let exitCode = 0;
  for (const id of ids) {
    if (known.has(id)) {
      acknowledge(place, id, io.now().toISOString());
      io.stdout.write(`acknowledged ${printable(id)}: it is told again only when it is over\n`);
    } else {
      io.stderr.write(`landfall: there is no alert ${printable(id)}; "landfall alerts" shows those that there are\n`);
      exitCode = EXIT_FAILED;
    }
  }
  return exitCode;
}

async function testChannels(settings: Settings, io: CommandIo): Promise<number> {
  const channels = createChannels(settings);
  const ping = pingUrl(settings.pingUrl);
  if (channels.length === 0 && ping === null)
    throw new LandfallError('alerts test', 'nobody is told: no alert is set up', {
      hint: 'see docs/alerts.md for --alert-webhook, --alert-smtp, --alert-command and --ping-url',
    });
  const sender = { feed: loadFeed(settings.feed, settings.env).name, host: hostname() };
  const at = io.now().toISOString();
  const message = messageOf(testAlert(at), 'test', sender, at);
  const trials = channels.map(({ name, send }) => ({ name, taken: 'a test was taken', run: () => send(message) }));
  if (ping !== null) trials.push({ name: 'ping', taken: 'it was answered', run: () => callPing(ping) });
  let exitCode = 0;
  for (const { name, taken, run } of trials) {
    try {
      await run();
      io.stdout.write(`${name}: ${taken}\n`);
    } catch (error) {
      if (!(error instanceof Undelivered)) throw error;
      io.stderr.write(`landfall: ${name}: ${error.message}\n`);
      exitCode = EXIT_FAILED;
    }
  }
  return exitCode;
}

function testAlert(at: string): Alert {
  return {
    ...{ id: 'test', kind: 'fault', severity: 'warning', dataset: null, file: null, period: null },
    ...{ text: 'alerts of this machine arrive', hint: null, since: at, opened_at: at, closed_at: null, told: {} },
  };
}
