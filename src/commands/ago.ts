import { formatDistanceStrict } from 'date-fns/formatDistanceStrict';

/** Less than this ago is just now, in ms. */
const JUST_NOW_MS = 2000;

/** How long ago a time is, e.g. `5 minutes ago`. */
export function ago(time: string, now: Date): string {
  if (Math.abs(now.getTime() - Date.parse(time)) < JUST_NOW_MS) return 'just now';
  return formatDistanceStrict(new Date(time), now, { addSuffix: true });
}
