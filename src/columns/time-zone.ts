/** Makes of a local time the time in UTC. */
export interface LocalTimes {
  /**
   * @param local the time on the wall as if it were UTC, in ms
   * @returns ms in UTC; `gap`: clocks were put forward past it; `twice`: clocks were put back, and it came twice
   */
  toUtc(local: number): number | 'gap' | 'twice';
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** No place is further from UTC: a day on the wall lies within this of the same day in UTC. */
const FURTHEST = 26 * HOUR;
/** Days are remembered up to so many: a file seldom has more. */
const MOST_DAYS = 4096;

/** Whether a text names a zone of the IANA database, e.g. `America/Chicago`. */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    // An offset such as +05:00 is a zone for Intl, too; a value can say that itself.
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}

const ZONES = new Map<string, LocalTimes>();

/**
 * The converter for a zone, made once: exact, by the IANA database that the runtime brings. A time that the zone lacks or has twice, since
 * its clocks were changed, is told and not guessed.
 */
export function localTimesOf(zone: string): LocalTimes {
  let times = ZONES.get(zone);
  if (times === undefined) {
    times = createLocalTimes(zone);
    ZONES.set(zone, times);
  }
  return times;
}

function createLocalTimes(zone: string): LocalTimes {
  const offsetAt = createOffsetAt(zone);
  /** For each day the offsets (ms) that hold in it, or a little before or behind it: one, but where clocks are changed. */
  const days = new Map<number, readonly number[]>();
  const offsetsOf = (day: number): readonly number[] => {
    const known = days.get(day);
    if (known !== undefined) return known;
    const offsets = new Set<number>();
    for (let at = day * DAY - FURTHEST; at <= (day + 1) * DAY + FURTHEST; at += HOUR) offsets.add(offsetAt(at));
    const found = [...offsets];
    if (days.size >= MOST_DAYS) days.clear();
    days.set(day, found);
    return found;
  };
  return {
    toUtc(local) {
      const offsets = offsetsOf(Math.floor(local / DAY));
      const [only] = offsets;
      if (only !== undefined && offsets.length === 1) return local - only;
      const times = offsets.map((offset) => local - offset).filter((utc) => offsetAt(utc) === local - utc);
      const [first] = times;
      if (first === undefined) return 'gap';
      return times.length > 1 ? 'twice' : first;
    },
  };
}

/** What the zone's clocks are ahead of UTC at a time (ms), in ms. */
function createOffsetAt(zone: string): (utc: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (utc) => {
    const part: Record<string, number> = {};
    let before = false;
    for (const { type, value } of format.formatToParts(utc)) {
      if (type === 'era') before = value.startsWith('B');
      else part[type] = Number(value);
    }
    const { year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    // Date.UTC takes the years 0 to 99 for those of the 20th century.
    const wall = new Date(0);
    wall.setUTCFullYear(before ? 1 - year : year, month - 1, day);
    wall.setUTCHours(hour, minute, second);
    return wall.getTime() - Math.floor(utc / 1000) * 1000;
  };
}
