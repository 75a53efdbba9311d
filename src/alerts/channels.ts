import { readFileSync } from 'node:fs';
import { LandfallError } from '../model/errors.ts';
import type { Settings } from '../settings/settings.ts';
import { systemCode } from '../system/system-error.ts';
import type { Channel } from './channel.ts';
import { createCommandChannel } from './command-channel.ts';
import { createMail } from './mail.ts';
import { isJsonTemplate } from './message.ts';
import { createWebhook } from './webhook.ts';

export type AlertSettings = Pick<
  Settings,
  'alertWebhook' | 'alertTemplate' | 'alertSmtp' | 'alertFrom' | 'alertTo' | 'alertCommand'
>;

/**
 * The channels that are set up; none: nobody is told.
 * @throws LandfallError when a file with a secret or a template cannot be read, or does not hold what it should; it is not shown
 */
export function createChannels(settings: AlertSettings): readonly Channel[] {
  const { alertWebhook, alertSmtp, alertCommand } = settings;
  return [
    ...(alertWebhook === null ? [] : [webhookOf(alertWebhook, settings.alertTemplate)]),
    ...(alertSmtp === null ? [] : [mailOf(alertSmtp, settings)]),
    ...(alertCommand === null ? [] : [createCommandChannel(alertCommand)]),
  ];
}

function webhookOf(file: string, templateFile: string | null): Channel {
  const [url = '', ...rest] = linesOf(file, '--alert-webhook');
  requireUrl(url, ['http:', 'https:'], file, 'https://hooks.example.com/…');
  const headers = rest.map((line) => {
    const [, name, value] = /^([A-Za-z0-9-]+):\s*(.+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw faulty(file, 'the lines after the address must be headers such as Authorization: Bearer …');
    return [name, value] as const;
  });
  const template = templateFile === null ? null : textOf(templateFile, '--alert-template');
  if (template !== null && isJsonTemplate(template)) requireJson(template, templateFile ?? '');
  return createWebhook({ url, headers: Object.fromEntries(headers), template });
}

function mailOf(file: string, { alertFrom, alertTo }: AlertSettings): Channel {
  const [url = ''] = linesOf(file, '--alert-smtp');
  requireUrl(url, ['smtp:', 'smtps:'], file, 'smtps://user:password@mail.example.com:465');
  if (alertFrom === null || alertTo === null)
    throw new LandfallError('read settings', '--alert-smtp needs --alert-from and --alert-to', {
      hint: 'name one address to send from, and those to send to, with commas between them',
    });
  return createMail({ url, from: alertFrom, to: alertTo });
}

/**
 * The address that says that the daemon is alive.
 * @param given the address, or a file that holds it; null: there is none
 * @throws LandfallError as `createChannels`
 */
export function pingUrl(given: string | null): string | null {
  if (given === null || /^https?:\/\//.test(given)) return given;
  const [url = ''] = linesOf(given, '--ping-url');
  requireUrl(url, ['http:', 'https:'], given, 'https://hc-ping.com/…');
  return url;
}

function linesOf(file: string, flag: string): string[] {
  return textOf(file, flag)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function textOf(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const hint = `${flag} names it`;
    throw new LandfallError('read settings', `it cannot be read: ${systemCode(cause) ?? 'unknown'}`, {
      file,
      hint,
      cause,
    });
  }
}

/** What is wrong is not shown: it is a secret. */
function requireUrl(text: string, protocols: readonly string[], file: string, example: string): void {
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return;
  throw faulty(file, `its first line must be an address such as ${example}`);
}

function requireJson(template: string, file: string): void {
  try {
    JSON.parse(template.replaceAll(/\{\{\w+\}\}/g, ''));
  } catch {
    throw faulty(file, 'it begins like JSON and is none; placeholders such as {{text}} stand within strings');
  }
}

function faulty(file: string, problem: string): LandfallError {
  return new LandfallError('read settings', problem, { file });
}
