import type { DataConditions } from '../findings/data-conditions.ts';
import {
  dropTold,
  dueEvent,
  noteTold,
  reconcile,
  type Acknowledged,
  type Alert,
  type AlertBook,
  type AlertEvent,
} from './alert-book.ts';
import { type Channel, Undelivered } from './channel.ts';
import { messageOf, type Sender } from './message.ts';

/** What is known of the conditions just now: the daemon's faults, and what `DataConditions` says. */
export type Known = DataConditions;

/** Where what was told is kept. */
export interface AlertStore {
  readonly read: () => AlertBook;
  /** May throw: the disk is full or gone, and it is tried again with the next change. */
  readonly write: (book: AlertBook) => void;
  readonly acknowledged: () => Acknowledged;
  /** No alert is left. */
  readonly forgetAcknowledged: () => void;
}

export interface AlerterOptions {
  readonly channels: readonly Channel[];
  readonly store: AlertStore;
  readonly sender: Sender;
  /** How often of what lasts is told again, in ms; 0: never. */
  readonly repeatMs: number;
  readonly now: () => Date;
  /** In ms. */
  readonly monotonic: () => number;
  /** Receivers that have not taken a message several times in a row, in a sentence; null: all do. */
  readonly onTrouble: (problem: string | null) => void;
}

/** Tells people of conditions: each at least once, with its id, and when it is over. */
export interface Alerter {
  /** Takes the conditions as they stand, and tells what is to be told. */
  readonly look: (known: Known) => void;
  /** Ends when all that can be told now is told. */
  readonly idle: () => Promise<void>;
}

/** After so many failures in a row a receiver is told as a fault. */
const TROUBLE_AFTER = 5;
/** It is tried again after so long, in ms, twice as long each time, … */
const FIRST_WAIT_MS = 15_000;
/** … up to this. */
const MOST_WAIT_MS = 900_000;

/** A channel, and how it goes. */
interface Line {
  readonly channel: Channel;
  failures: number;
  problem: string;
  /** In monotonic ms. */
  notBefore: number;
  busy: Promise<void> | null;
}

interface State extends AlerterOptions {
  readonly lines: readonly Line[];
  book: AlertBook;
  /** Whether the store has the book as it is. */
  written: boolean;
}

/**
 * What was told so far is read from the store. Nothing is sent before it is written there that the alert is open, and a message is noted
 * only when it was taken: whenever the process is killed, the next one sends it again (at least once).
 */
export function createAlerter(options: AlerterOptions): Alerter {
  const start = { failures: 0, problem: '', notBefore: -Infinity, busy: null };
  const lines = options.channels.map((channel): Line => ({ channel, ...start }));
  const state: State = { ...options, lines, book: options.store.read(), written: true };
  return {
    look(known) {
      keep(state, reconcile(state.book, known, state.now().toISOString()));
      for (const line of lines) {
        // Not by ??=, which would keep one that is done before it is assigned.
        if (line.busy !== null) continue;
        line.busy = tell(state, line).finally(() => {
          line.busy = null;
        });
      }
    },
    async idle() {
      for (const { busy } of lines) await busy;
    },
  };
}

/** Writes the book where it has changed. */
function keep(state: State, book: AlertBook): void {
  const isSame = JSON.stringify([...book]) === JSON.stringify([...state.book]);
  if (isSame && state.written) return;
  state.book = book;
  try {
    state.store.write(book);
    state.written = true;
  } catch {
    // Its disk is full or gone, which is itself to be told: it goes on in memory.
    state.written = false;
  }
}

/** Tells a channel all that it is to be told, as long as it takes it. */
async function tell(state: State, line: Line): Promise<void> {
  const { channel } = line;
  for (let next = nextFor(state, line); next !== null; next = nextFor(state, line)) {
    const { alert, event } = next;
    try {
      await channel.send(messageOf(alert, event, state.sender, state.now().toISOString()));
    } catch (error) {
      failed(state, line, error instanceof Undelivered ? error.message : 'an unexpected error');
      break;
    }
    line.failures = 0;
    reportTrouble(state);
    keep(state, noteTold(state.book, alert.id, channel.name, event, state.now().toISOString()));
  }
  const names = state.channels.map(({ name }) => name);
  keep(state, dropTold(state.book, names));
  if (state.book.size === 0) state.store.forgetAcknowledged();
}

function nextFor(state: State, { channel, notBefore }: Line): { alert: Alert; event: AlertEvent } | null {
  if (state.monotonic() < notBefore) return null;
  const repeating = { acknowledged: state.store.acknowledged(), everyMs: state.repeatMs };
  for (const alert of state.book.values()) {
    const event = dueEvent(alert, channel.name, repeating, state.now());
    if (event !== null) return { alert, event };
  }
  return null;
}

function failed(state: State, line: Line, problem: string): void {
  line.failures += 1;
  line.problem = problem;
  line.notBefore = state.monotonic() + Math.min(FIRST_WAIT_MS * 2 ** (line.failures - 1), MOST_WAIT_MS);
  reportTrouble(state);
}

function reportTrouble({ lines, onTrouble }: State): void {
  const troubled = lines.filter(({ failures }) => failures >= TROUBLE_AFTER);
  const text = troubled.map(({ channel, problem }) => `${channel.name}: ${problem}`).join('; ');
  onTrouble(troubled.length === 0 ? null : `alerts are not delivered (${text}); it is tried again`);
}
