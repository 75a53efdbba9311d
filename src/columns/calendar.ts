/**
 * Whether a day exists, in the Gregorian calendar run back to year 1. Plain arithmetic and no Date: a local time zone
 * may lack a day (Samoa had no 30 December 2011), and this runs for every date of every row.
 */
export function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  if (day <= 28) return true;
  if (month === 2) return day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31);
}
