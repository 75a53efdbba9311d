/**
 * `npm run sample [-- FOLDER] [--days N] [--pause SECONDS] [--until YYYY-MM-DD]`: writes a small believable week of deliveries,
 * which ends yesterday, into the landing folder, a day at a time, so that a running daemon is seen to take them. All patients are made up.
 */
import { addDays, format, isValid, parseISO, subDays } from 'date-fns';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createBilling } from './helpers/billing.ts';
import { feedFileName, feedFileText, type DatasetName, type Row } from './helpers/feed-files.ts';

interface SampleFile {
  readonly dataset: DatasetName;
  readonly stamp: string;
  readonly rows: readonly (Row | string)[];
  /** Replaces the file of the same name that is there. */
  readonly correction?: boolean;
}

interface SampleDay {
  readonly title: string;
  /** What there is to see of this day, one clause each. */
  readonly notes: readonly string[];
  readonly files: readonly SampleFile[];
}

/** The week that ends on a day, day by day. */
function sampleWeek(last: Date): SampleDay[] {
  const billing = createBilling(20250602, { unmarked: true });
  const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
  const dayOf = (day: number): Date => subDays(last, 7 - day);
  const date = (day: number): string => format(dayOf(day), 'yyyy-MM-dd');
  const name = (day: number): string => format(dayOf(day), 'EEEE');
  const stamp = (day: number): string => `${format(dayOf(day), 'yyyyMMdd')}_060000`;

  const procedures = times(10, () => billing.procedure());
  const visitsOf = (day: number, count: number): Row[] =>
    times(count, (at) => {
      const discharge = format(addDays(dayOf(day), at % 4), 'yyyy-MM-dd');
      const procedure = procedures[(day * 3 + at) % procedures.length] ?? {};
      return billing.visit(procedure, { VisitDate: date(day), DischargeDate: discharge });
    });
  const transactionsOf = (visits: readonly Row[]): Row[] =>
    visits.flatMap((visit) => [
      billing.transaction(visit, {
        TransactionType: 'Charge',
        Amount: visit['TotalCharge'] ?? '',
        Description: 'Facility charge',
      }),
      billing.transaction(visit),
    ]);

  const monday = visitsOf(1, 12);
  const tuesday = visitsOf(2, 14);
  const wednesday = visitsOf(3, 11);
  const thursday = visitsOf(4, 13);
  const friday = visitsOf(5, 12);
  const sunday = visitsOf(7, 9);
  const newProcedure = billing.procedure({
    Description: 'MRI of the brain without contrast',
    StandardCharge: '2150.00',
  });
  const orphan = billing.visit(newProcedure, { VisitDate: date(4), DischargeDate: date(4) });
  const [bad1 = {}, bad2 = {}] = visitsOf(3, 2);
  const wednesdayMoney = transactionsOf(wednesday);
  const [disputed = {}] = wednesdayMoney;
  const dearer = procedures
    .slice(0, 3)
    .map((row) => ({ ...row, StandardCharge: row['StandardCharge']?.replace('.00', '.50') ?? '' }));

  return [
    {
      title: name(1),
      notes: ['the price list, visits and transactions'],
      files: [
        { dataset: 'Procedure', stamp: stamp(1), rows: procedures },
        { dataset: 'Visit', stamp: stamp(1), rows: monday },
        { dataset: 'Transaction', stamp: stamp(1), rows: transactionsOf(monday) },
      ],
    },
    {
      title: name(2),
      notes: ['an ordinary day'],
      files: [
        { dataset: 'Visit', stamp: stamp(2), rows: tuesday },
        { dataset: 'Transaction', stamp: stamp(2), rows: transactionsOf(tuesday) },
      ],
    },
    {
      title: name(3),
      notes: ['three bad rows: a day that does not exist, no patient, a row cut short', 'the transactions are late'],
      files: [
        {
          dataset: 'Visit',
          stamp: stamp(3),
          rows: [
            ...wednesday,
            { ...bad1, VisitDate: `${date(3).slice(0, 4)}-02-30` },
            { ...bad2, PatientID: '' },
            `${bad2['VisitID'] ?? ''}|${bad2['ProcedureID'] ?? ''}`,
          ],
        },
      ],
    },
    {
      title: name(4),
      notes: [
        `${name(2)}'s visits again, corrected, under the same name`,
        'a visit of a procedure that nobody has heard of yet: it and its two transactions wait',
        'one amount in words is refused',
      ],
      files: [
        {
          dataset: 'Visit',
          stamp: stamp(2),
          correction: true,
          rows: tuesday.map((row, at) => (at < 3 ? { ...row, Status: 'Closed', PatientAddress: '12 Elm Ct' } : row)),
        },
        { dataset: 'Visit', stamp: stamp(4), rows: [...thursday, orphan] },
        {
          dataset: 'Transaction',
          stamp: stamp(4),
          rows: [
            ...transactionsOf([...thursday, orphan]),
            { ...disputed, Amount: '0.00', Description: 'Written off' },
            { ...billing.transaction(monday[0] ?? {}), Amount: 'ten dollars' },
          ],
        },
      ],
    },
    {
      title: name(5),
      notes: ['the missing procedure comes and the three waiting rows are admitted with it', 'three prices change'],
      files: [
        { dataset: 'Procedure', stamp: stamp(5), rows: [...dearer, newProcedure] },
        { dataset: 'Visit', stamp: stamp(5), rows: friday },
        { dataset: 'Transaction', stamp: stamp(5), rows: transactionsOf(friday) },
      ],
    },
    {
      title: name(6),
      notes: [`${name(3)}'s transactions, three days late; one of them was changed on ${name(4)} and stays as it is`],
      files: [{ dataset: 'Transaction', stamp: stamp(3), rows: wednesdayMoney }],
    },
    {
      title: name(7),
      notes: [`${name(1)}'s visits are closed`, 'discharges that are still to come are loaded with a warning'],
      files: [
        {
          dataset: 'Visit',
          stamp: stamp(7),
          rows: [...monday.map((row) => ({ ...row, Status: 'Closed' })), ...sunday],
        },
        { dataset: 'Transaction', stamp: stamp(7), rows: transactionsOf(sunday) },
      ],
    },
  ];
}

/**
 * Writes one file as a careful sender does: under another name, then renamed.
 * @returns false where it lies there already; a correction counts as there when the bytes are the same
 */
function deliver(folder: string, file: SampleFile): boolean {
  const path = join(folder, feedFileName(file.dataset, file.stamp));
  const text = feedFileText(file.dataset, file.rows);
  if (existsSync(path) && (file.correction !== true || readFileSync(path, 'utf8') === text)) return false;
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
  return true;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    days: { type: 'string', default: '7' },
    pause: { type: 'string', default: '4' },
    until: { type: 'string', default: subDays(new Date(), 1).toISOString().slice(0, 10) },
  },
});
const folder = positionals[0] ?? process.env['LANDFALL_LANDING'] ?? 'landing';
const last = parseISO(values.until);
const days = isValid(last) ? sampleWeek(last).slice(0, Number(values.days)) : [];
const pause = Number(values.pause);
if (days.length === 0 || Number.isNaN(pause)) {
  process.stderr.write('usage: npm run sample -- [FOLDER] [--days 1-7] [--pause SECONDS] [--until YYYY-MM-DD]\n');
  process.exit(1);
}

mkdirSync(folder, { recursive: true });
const seconds = (days.length - 1) * pause;
process.stdout.write(
  `A made-up week of deliveries goes into ${folder}` +
    (seconds > 0
      ? `, a day every ${pause} s: ${seconds} s in all\n("npm run sample -- --pause 0" writes it at once)\n`
      : '\n'),
);
let pausing = false;
for (const day of days) {
  if (pausing) await sleep(pause * 1000);
  const written = day.files.filter((file) => deliver(folder, file));
  const rows = written.reduce((sum, file) => sum + file.rows.length, 0);
  const told =
    written.length === 0
      ? 'is there already'
      : `${written.length} file${written.length === 1 ? '' : 's'}, ${rows} rows: ${day.notes.join('; ')}`;
  process.stdout.write(`${day.title.padEnd(10)} ${told}\n`);
  pausing = written.length > 0;
}
if (days.length === 7) {
  process.stdout.write(
    `\nOnce the daemon (npm start) or "npm run -s landfall -- once" has taken all of it, the database holds\n` +
      `11 procedures, 72 visits and 144 transactions; four rows were rejected and none waits.\n`,
  );
}
