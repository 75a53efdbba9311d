import { html, type Fragment, type Html } from '../html.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** `06:00 UTC` of today, else `20 Nov 06:00 UTC`, of another year `20 Nov 2025 06:00 UTC`. */
function timeText(iso: string, now: Date): string {
  const time = `${iso.slice(11, 16)} UTC`;
  const today = now.toISOString();
  if (iso.slice(0, 10) === today.slice(0, 10)) return time;
  const year = iso.slice(0, 4) === today.slice(0, 4) ? '' : ` ${iso.slice(0, 4)}`;
  return `${dayText(iso)}${year} ${time}`;
}

/** A time as `timeText` gives it; a script adds what it is on the reader's clock. */
export function timeOf(iso: string, now: Date): Html {
  return html`<time datetime="${iso}">${timeText(iso, now)}</time>`;
}

/** A name of a file, which may be broken between its words, though not within its stamp, where a line is too narrow for it. */
export function breakable(text: string): Fragment {
  return text.split(/(?<=_)(?!\d)/).map((part, at) => (at === 0 ? part : html`<wbr />${part}`));
}

/** `Ask the sender for it.` of `ask the sender for it` */
export function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

/** `20 Nov` of `2026-11-20…`. */
export function dayText(iso: string): string {
  return `${Number(iso.slice(8, 10))} ${monthText(iso)}`;
}

/** `Nov` of `2026-11-20…`. */
export function monthText(iso: string): string {
  return MONTHS[Number(iso.slice(5, 7)) - 1] ?? '';
}

/** `Fri` of `2026-11-20`. */
export function weekdayText(day: string): string {
  return WEEKDAYS[new Date(`${day}T00:00:00Z`).getUTCDay()] ?? '';
}

/** The last so many days, `YYYY-MM-DD` in UTC, oldest first, today last. */
export function lastDays(count: number, now: Date): string[] {
  const day = 86_400_000;
  return Array.from({ length: count }, (_, at) =>
    new Date(now.getTime() - (count - 1 - at) * day).toISOString().slice(0, 10),
  );
}

const GROUPED = new Intl.NumberFormat('en');

/** `1,500,000` */
export function grouped(count: number): string {
  return GROUPED.format(count);
}

/** `1 row`, `1,500 rows` */
export function counted(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? '' : 's'}`;
}

const KIB = 1024;
const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes as people read them, e.g. `84 KiB` or `1.2 GiB`. */
export function sizeText(bytes: number): string {
  if (bytes < KIB) return `${bytes} bytes`;
  const at = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length);
  return `${(bytes / KIB ** at).toFixed(at === 1 ? 0 : 1)} ${UNITS[at - 1] ?? ''}`;
}
