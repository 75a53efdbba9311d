import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createChannels, pingUrl } from '../../src/alerts/channels.ts';
import { createCommandChannel } from '../../src/alerts/command-channel.ts';
import { createMail } from '../../src/alerts/mail.ts';
import { fillIn, messageOf, type Message } from '../../src/alerts/message.ts';
import { createWebhook } from '../../src/alerts/webhook.ts';
import { LandfallError } from '../../src/model/errors.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { ROOT } from '../helpers/ingest.ts';
import { receiveHttp, receiveMail } from '../helpers/receivers.ts';
import { tempFolder } from '../helpers/temp.ts';

const NOW = '2026-11-21T07:00:00.000Z';

const MESSAGE: Message = messageOf(
  {
    ...{ id: 'overdue:Visit:2026-11-20', kind: 'overdue', severity: 'error', dataset: 'Visit', file: null },
    ...{ period: '2026-11-20', text: 'no "Visit" file\nfor 2026-11-20 has come', hint: 'ask the sender for it' },
    ...{ since: NOW, opened_at: NOW, closed_at: null, told: {} },
  },
  'opened',
  { feed: 'visitpay', host: 'here' },
  NOW,
);

/** Why a message did not go. */
async function problemOf(sent: Promise<void>): Promise<string> {
  try {
    await sent;
    return 'it went';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}

describe('a webhook', () => {
  test('is posted the message as JSON, with the headers of its file', async () => {
    const receiver = await receiveHttp();
    const file = join(tempFolder(), 'webhook');
    writeFileSync(file, `${receiver.url}\nAuthorization: Bearer abc\n`);
    const [webhook] = createChannels(settingsOf({ alert_webhook: file }));
    await webhook?.send(MESSAGE);
    expect(JSON.parse(receiver.bodies[0] ?? '')).toEqual(MESSAGE);
    expect(receiver.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer abc' });
  });

  test.each(['slack', 'teams', 'pagerduty'])(
    'has a template for %s, which stays JSON whatever a name holds',
    (name) => {
      const template = readFileSync(join(ROOT, `deploy/alerts/${name}.json`), 'utf8');
      const filled = fillIn(template, { ...MESSAGE, title: 'a "b" \\ c', file: null });
      expect(JSON.stringify(JSON.parse(filled))).toContain('a \\"b\\" \\\\ c');
      expect(filled).not.toContain('{{');
    },
  );

  test('P7: that answers 500, hangs or is not there is not waited for, and its address is not told', async () => {
    const receiver = await receiveHttp();
    const webhook = createWebhook({ url: receiver.url, headers: {}, template: null, withinMs: 500 });
    receiver.answer = (response) => response.writeHead(500).end('SECRET');
    const problems = [await problemOf(webhook.send(MESSAGE))];
    receiver.answer = () => undefined;
    problems.push(await problemOf(webhook.send(MESSAGE)));
    const gone = createWebhook({ url: 'http://127.0.0.1:59999/SECRET', headers: {}, template: null });
    problems.push(await problemOf(gone.send(MESSAGE)));
    expect(problems).toEqual([
      'the server answered 500',
      'no answer within 0.5 s',
      'the server cannot be reached (ECONNREFUSED)',
    ]);
  });
});

describe('a mail', () => {
  test('says what is wrong and what to do; those about one alert are a thread', async () => {
    const receiver = await receiveMail();
    const mail = createMail({ url: receiver.url, from: 'landfall@here', to: 'a@example.com, b@example.com' });
    await mail.send(MESSAGE);
    await mail.send({ ...MESSAGE, event: 'closed' });
    const [first = '', second = ''] = receiver.mails;
    expect(first).toContain('To: a@example.com, b@example.com');
    expect(first).toMatch(/^Subject: .*Landfall.visitpay/m);
    expect(first).toContain('Ask the sender for it.');
    expect(first).toContain('alert: overdue:Visit:2026-11-20');
    const thread = /^References: (<\w+@landfall>)$/m;
    expect(thread.exec(first)?.[1]).toBe(thread.exec(second)?.[1]);
  });

  test('P7: that is not taken, or waited for, is not sent; no answer of the server is told', async () => {
    const receiver = await receiveMail();
    const mail = createMail({ url: receiver.url, from: 'landfall@here', to: 'a@example.com', withinMs: 300 });
    receiver.reply = '554 SECRET';
    expect(await problemOf(mail.send(MESSAGE))).toBe('the mail server did not take it (EMESSAGE, it answered 554)');
    const { url } = await receiveHttp();
    const deaf = createMail({ url: url.replace('http', 'smtp'), from: 'a@here', to: 'b@here', withinMs: 300 });
    expect(await problemOf(deaf.send(MESSAGE))).not.toBe('it went');
  });
});

describe('a command', () => {
  test('is given the message on its standard input, and no shell reads its arguments', async () => {
    const file = join(tempFolder(), 'out');
    const script = `require('fs').writeFileSync(process.argv[1], process.argv[2] + require('fs').readFileSync(0))`;
    await createCommandChannel([process.execPath, '-e', script, file, '$HOME;']).send(MESSAGE);
    const written = readFileSync(file, 'utf8');
    expect(written.slice(0, 6)).toBe('$HOME;');
    expect(JSON.parse(written.slice(6))).toEqual(MESSAGE);
  });

  test('P7: that fails, hangs or is not there is told', async () => {
    const run = (words: readonly string[], withinMs?: number): Promise<string> =>
      problemOf(createCommandChannel(words, withinMs).send(MESSAGE));
    expect(await run(['/bin/false'])).toBe('the command ended with 1');
    expect(await run(['/bin/sleep', '60'], 200)).toBe('the command was ended by SIGKILL; it has 0.2 s');
    expect(await run(['/nowhere'])).toBe('the command cannot be started');
  });
});

function settingsOf(flags: Record<string, string>): ReturnType<typeof readSettings> {
  return readSettings({ flags, env: {}, cwd: ROOT, root: ROOT });
}

test('secrets come from files; what is wrong with one is told without showing it', () => {
  const file = join(tempFolder(), 'secret');
  const problem = (flags: Record<string, string>, text: string): string => {
    writeFileSync(file, text);
    try {
      createChannels(settingsOf(flags));
    } catch (error) {
      if (error instanceof LandfallError) return error.message;
    }
    return 'nothing is wrong';
  };
  const wrong = [
    problem({ alert_webhook: file }, 'SECRET'),
    problem({ alert_webhook: file }, 'https://x.example/SECRET\nSECRET'),
    problem({ alert_smtp: file, alert_to: 'a@b', alert_from: 'c@d' }, 'https://SECRET'),
    problem({ alert_smtp: file }, 'smtp://user:SECRET@mail'),
    problem({ alert_webhook: file, alert_template: file }, 'https://x.example/'),
  ];
  expect(wrong.join('\n')).not.toContain('SECRET');
  expect(wrong[0]).toContain('its first line must be an address such as https://');
  expect(wrong[1]).toContain('must be headers such as Authorization');
  expect(wrong[2]).toContain('such as smtps://user:password@');
  expect(wrong[3]).toContain('--alert-smtp needs --alert-from and --alert-to');
  expect(wrong[4]).toBe('nothing is wrong');
  writeFileSync(file, 'https://ping.example/SECRET\n');
  expect(pingUrl(settingsOf({ ping_url: file }).pingUrl)).toBe('https://ping.example/SECRET');
  expect(() => settingsOf({ ping_url: 'ping.example' })).toThrow('must be an address such as');
  expect(() => settingsOf({ alert_command: 'page' })).toThrow('must be the absolute path of a program');
  expect(settingsOf({ alert_command: '["/bin/page", "-x"]' }).alertCommand).toEqual(['/bin/page', '-x']);
});
