import type { ServerResponse } from 'node:http';

/** Open event streams (server-sent events): each is sent what of the page has changed. */
export interface EventStreams {
  /** Takes on a stream and sends it everything. The headers are written by then. */
  readonly add: (response: ServerResponse) => void;
  /** How many are open. */
  readonly size: () => number;
  /** Sends what has changed since it was last told; nothing is rendered where nobody listens. */
  readonly tell: () => void;
  /** Sends a sign of life: an intermediary ends what is silent, and a reader that has gone is noticed. */
  readonly ping: () => void;
  readonly close: () => void;
}

/** The parts of a page by their ids, as HTML; and other texts, such as its title. */
export type Parts = Readonly<Record<string, string>>;

/** One who does not read is let go when so much waits for him, in bytes. */
const MOST_WAITING_BYTES = 1024 * 1024;

/** A browser whose stream has broken off tries again after so long, in ms. */
const RETRY_MS = 3_000;

/**
 * Nobody listens yet.
 * @param render makes the parts as they are now
 */
export function createEventStreams(render: () => Parts): EventStreams {
  const open = new Set<ServerResponse>();
  let told: Parts = {};

  function send(response: ServerResponse, text: string | Uint8Array): void {
    if (response.writableLength > MOST_WAITING_BYTES) response.destroy();
    else response.write(text);
  }

  function tell(): void {
    if (open.size === 0) return;
    const parts = render();
    const changed = Object.entries(parts).filter(([id, text]) => told[id] !== text);
    told = parts;
    if (changed.length === 0) return;
    const text = Buffer.from(message(Object.fromEntries(changed)));
    for (const response of open) send(response, text);
  }

  return {
    add(response) {
      // Where others listen: what they were told. Nothing is rendered for each that comes, and what changes is soon told to all.
      if (open.size === 0) told = render();
      open.add(response);
      response.on('close', () => open.delete(response));
      send(response, `retry: ${RETRY_MS}\n${message(told)}`);
    },
    size: () => open.size,
    tell,
    ping() {
      for (const response of open) send(response, ': still here\n\n');
    },
    close() {
      for (const response of open) response.destroy();
    },
  };
}

/** An event with the parts as JSON, which has no line break. */
function message(parts: Parts): string {
  return `event: parts\ndata: ${JSON.stringify(parts)}\n\n`;
}
