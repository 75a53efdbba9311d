import { counted } from '../output/counted.ts';

/** Less than this ago is just now, in ms. */
const JUST_NOW_MS = 2000;

/** Units of time, each with how many of it make the next; months have 30 days. Loading the words of date-fns takes a tenth of `status`. */
const UNITS = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
] as const;

/** How long a span of time is, rounded, in its largest unit: `45 seconds`, `5 minutes`, `1 day`. */
export function span(from: string, to: Date): string {
  let size = Math.abs(to.getTime() - Date.parse(from)) / 1000;
  for (const [unit, most] of UNITS) {
    if (Math.round(size) < most) return counted(Math.round(size), unit);
    size /= most;
  }
  return counted(Math.round(size), 'year');
}

/** How long ago a time is, e.g. `5 minutes ago`; one to come, as after a clock was set back: `in 5 minutes`. */
export function ago(time: string, now: Date): string {
  const passedMs = now.getTime() - Date.parse(time);
  if (Math.abs(passedMs) < JUST_NOW_MS) return 'just now';
  return passedMs > 0 ? `${span(time, now)} ago` : `in ${span(time, now)}`;
}
