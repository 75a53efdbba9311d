import { printable } from '../output/terminal.ts';
import type { Alert, AlertEvent } from './alert-book.ts';

/** What a receiver is told: names of files, codes, counts and times; no value from a row (P8). */
export interface Message {
  /** The alert's: the same in all messages about it. */
  readonly id: string;
  readonly event: AlertEvent | 'test';
  /** What PagerDuty calls it: `trigger` or `resolve`. */
  readonly action: 'trigger' | 'resolve';
  readonly kind: string;
  readonly severity: string;
  readonly feed: string;
  readonly host: string;
  /** One line: `Landfall visitpay: no claims file for 2026-11-20 has come; …`. */
  readonly title: string;
  readonly text: string;
  readonly hint: string | null;
  readonly dataset: string | null;
  readonly file: string | null;
  readonly period: string | null;
  /** Times are ISO 8601, UTC. */
  readonly since: string | null;
  readonly opened_at: string;
  readonly closed_at: string | null;
  readonly at: string;
}

/** Who tells. */
export interface Sender {
  /** The feed's name. */
  readonly feed: string;
  readonly host: string;
}

/** What is said of an alert. */
export function messageOf(alert: Alert, event: Message['event'], { feed, host }: Sender, at: string): Message {
  const { id, kind, severity, text, hint, dataset, file, period, since, opened_at, closed_at } = alert;
  const word = { opened: '', repeated: 'still: ', closed: 'over: ', test: 'test: ' }[event];
  return {
    ...{ id, event, action: event === 'closed' ? 'resolve' : 'trigger', kind, severity, feed, host },
    title: `Landfall ${feed}: ${word}${printable(text)}`,
    ...{ text: printable(text), hint, dataset, file, period, since, opened_at, closed_at, at },
  };
}

/** A message for people, several lines. */
export function bodyOf(message: Message): string {
  const { text, hint, severity, kind, since, opened_at, closed_at, host, id } = message;
  const lines = [
    `${text}.`,
    ...(hint === null ? [] : [`${hint[0]?.toUpperCase() ?? ''}${hint.slice(1)}.`]),
    '',
    `severity: ${severity} (${kind})`,
    `since: ${since ?? opened_at}`,
    ...(closed_at === null ? [] : [`over: ${closed_at}`]),
    `host: ${host}`,
    `alert: ${printable(id)}`,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * Fills in a template: `{{text}}` and the other names of a message. In a template of JSON, which begins with a brace or a bracket, they
 * stand within strings and are escaped for that.
 */
export function fillIn(template: string, message: Message): string {
  const isJson = isJsonTemplate(template);
  return template.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => {
    if (!(name in message)) return whole;
    const value = message[name as keyof Message] ?? '';
    return isJson ? JSON.stringify(value).slice(1, -1) : value;
  });
}

/** Whether a template makes JSON. */
export function isJsonTemplate(template: string): boolean {
  return /^\s*[[{](?!\{)/.test(template);
}
