import { DgramSocket } from 'node-unix-socket';
import { percentRead, type Work } from '../model/work.ts';

/** Tells the service manager how the daemon is. */
export interface Notifier {
  /** Sends one message, e.g. `{ READY: '1', STATUS: 'idle' }`. A message that cannot be sent is dropped. */
  send(fields: Readonly<Record<string, string>>): void;
  /** How often `WATCHDOG=1` is to be sent, in ms: a third of what the service manager waits for; null: it does not ask. */
  readonly pingMs: number | null;
  close(): void;
}

const SILENT: Notifier = { send: () => undefined, pingMs: null, close: () => undefined };

/**
 * Connects to the service manager, or to nothing where there is none.
 * Protocol: sd_notify(3), sd_watchdog_enabled(3): one datagram of `NAME=value` lines to the socket in NOTIFY_SOCKET.
 * @param env NOTIFY_SOCKET (`@` first: abstract), WATCHDOG_USEC, WATCHDOG_PID
 * @param pid the process that the service manager means
 */
export function createNotifier(env: Readonly<Record<string, string | undefined>>, pid: number): Notifier {
  const address = env['NOTIFY_SOCKET'];
  if (address === undefined || !/^[/@]/.test(address)) return SILENT;
  const path = address.replace(/^@/, '\0');
  const socket = new DgramSocket();
  // The service manager may restart. What it missed it hears with the next message.
  socket.on('error', () => undefined);

  return {
    send(fields) {
      const text = Object.entries(fields)
        .map(([name, value]) => `${name}=${value.replaceAll('\n', ' ')}`)
        .join('\n');
      const bytes = Buffer.from(text);
      try {
        socket.sendTo(bytes, 0, bytes.length, path, () => undefined);
      } catch {
        // As above: the socket closes itself on an error.
      }
    },
    pingMs: pingInterval(env, pid),
    close() {
      socket.close();
    },
  };
}

function pingInterval(env: Readonly<Record<string, string | undefined>>, pid: number): number | null {
  const micros = Number(env['WATCHDOG_USEC']);
  if (!Number.isInteger(micros) || micros <= 0) return null;
  const meant = env['WATCHDOG_PID'];
  if (meant !== undefined && meant !== String(pid)) return null;
  return Math.max(1, Math.floor(micros / 3000));
}

/** What is done, and what is wrong, in one line for `STATUS=`. No row values. */
export function describeWork(work: Work): string {
  const parts = [describeDoing(work)];
  if (work.settling > 0) parts.push(`${work.settling} settling`);
  if (work.awaitingParent > 0) parts.push(`${work.awaitingParent} waiting for a parent's file`);
  parts.push(`${work.taken.files} files and ${work.taken.rows} rows taken since the start`);
  for (const fault of work.faults.slice(0, 3)) parts.push(`fault since ${fault.since}: ${fault.problem}`);
  return parts.join('; ');
}

function describeDoing(work: Work): string {
  if (work.doing !== 'ingesting') return work.doing;
  if (work.file === null) return `ingesting, ${work.due} due`;
  return `ingesting ${work.file.name} (${percentRead(work.file)} %), ${work.due} due`;
}
