import fs from 'node:fs';
import { z } from 'zod';
import { CONDITION_KINDS } from '../status/condition.ts';
import { systemCode } from '../system/system-error.ts';
import type { Acknowledged, AlertBook } from './alert-book.ts';

const alertSchema = z.object({
  id: z.string(),
  kind: z.enum(CONDITION_KINDS),
  severity: z.enum(['critical', 'error', 'warning']),
  dataset: z.string().nullable(),
  file: z.string().nullable(),
  period: z.string().nullable(),
  text: z.string(),
  hint: z.string().nullable(),
  since: z.string().nullable(),
  opened_at: z.string(),
  closed_at: z.string().nullable(),
  told: z.record(z.string(), z.object({ event: z.enum(['opened', 'repeated', 'closed']), at: z.string() })),
});
const bookSchema = z.object({ alerts: z.array(alertSchema) });
const acknowledgementSchema = z.object({ id: z.string(), at: z.string() });

/** Where a supervisor keeps what was told: beside its heartbeat, whose place is given here and below. Holds no row value (P8). */
export function alertFile(place: string): string {
  return `${place}.alerts`;
}

/** Where `landfall alerts ack` leaves its word, a line of JSON each: only the supervisor writes the other file. */
function acknowledgementFile(place: string): string {
  return `${place}.alerts-acked`;
}

/** Reads what was told; nothing, where there is no such file, or none that can be understood: then it is told again. */
export function readAlerts(place: string): AlertBook {
  const read = bookSchema.safeParse(parsed(textOf(alertFile(place))));
  return new Map(read.success ? read.data.alerts.map((alert) => [alert.id, alert]) : []);
}

/**
 * Writes it whole or not at all, for its owner alone, so that it outlives a power cut.
 * @throws Error as node:fs does
 */
export function writeAlerts(place: string, book: AlertBook): void {
  const file = alertFile(place);
  const draft = `${file}.new`;
  const handle = fs.openSync(draft, WRITE_NEW, 0o600);
  try {
    fs.fchmodSync(handle, 0o600);
    fs.writeSync(handle, `${JSON.stringify({ alerts: [...book.values()] })}\n`);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(draft, file);
}

/** A pipe that lies there is not waited for, nor a link followed. */
const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
const WRITE_NEW = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOFOLLOW;

/** When each id was last acknowledged. */
export function readAcknowledged(place: string): Acknowledged {
  const lines = (textOf(acknowledgementFile(place)) ?? '').split('\n').map((line) => {
    const read = acknowledgementSchema.safeParse(parsed(line));
    return read.success ? [[read.data.id, read.data.at] as const] : [];
  });
  return new Map(lines.flat());
}

/**
 * Acknowledges an alert.
 * @throws Error as node:fs does
 */
export function acknowledge(place: string, id: string, at: string): void {
  // Whoever runs the command may not be whoever runs the daemon: their group is the same.
  const handle = fs.openSync(
    acknowledgementFile(place),
    O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOFOLLOW,
    0o660,
  );
  try {
    fs.writeSync(handle, `${JSON.stringify({ id, at })}\n`);
  } finally {
    fs.closeSync(handle);
  }
}

/** Forgets what was acknowledged: no alert is left. */
export function forgetAcknowledged(place: string): void {
  fs.rmSync(acknowledgementFile(place), { force: true });
}

/** Null: it is not there, no file, or may not be read. */
function textOf(file: string): string | null {
  try {
    // A pipe would be waited for.
    return fs.lstatSync(file).isFile() ? fs.readFileSync(file, 'utf8') : null;
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return null;
  }
}

function parsed(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
