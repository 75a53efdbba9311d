import Database from 'better-sqlite3';
import { appendFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { describeError, reportError } from '../../src/output/error-report.ts';
import type { Moment } from '../../src/model/ledger.ts';
import { verifyDatabase } from '../../src/store/sqlite/verify.ts';
import { createBilling, LEAK, MARKER } from '../helpers/billing.ts';
import {
  COLUMNS,
  type DatasetName,
  feedFileName,
  feedFileText,
  type FileOptions,
  type Row,
} from '../helpers/feed-files.ts';
import { openDesk } from '../helpers/ingest.ts';
import { openParts } from '../helpers/leak.ts';

/** All that is told of one delivery: its outcome or its error, as they would be logged and shown. */
async function told(work: Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify(await work);
  } catch (error) {
    return `${JSON.stringify(reportError(error))}\n${describeError(error)}`;
  }
}

test('P8: no outcome, error or open part of the ledger holds a value from a row', async () => {
  const failing: { moment: Moment | null; act: () => void } = { moment: null, act: () => undefined };
  const desk = openDesk({
    probe: (moment) => {
      if (moment === failing.moment) failing.act();
    },
  });
  const { db } = desk;
  db.pragma('busy_timeout = 1');
  // A constraint that quotes the row it refuses, as a migration might write it.
  db.exec(`CREATE TRIGGER quoting BEFORE INSERT ON visits WHEN NEW.status = '${MARKER} forbidden'
    BEGIN SELECT RAISE(ABORT, '${MARKER}: forbidden'); END`);
  const billing = createBilling(5);
  const procedures = Array.from({ length: 6 }, () => billing.procedure());
  const [first = {}, second = {}] = procedures;
  const visits = procedures.map((each) => billing.visit(each));
  const everything: string[] = [];
  const progress: string[] = [];
  const deliver = async (
    dataset: DatasetName,
    stamp: string,
    rows: readonly (Row | string)[],
    options: FileOptions = {},
  ) => {
    const file = desk.write(feedFileName(dataset, stamp), feedFileText(dataset, rows, options));
    const outcome = await told(desk.ingest(file, { onProgress: (one) => void progress.push(JSON.stringify(one)) }));
    everything.push(outcome);
    return outcome;
  };
  const write = async (dataset: DatasetName, stamp: string, content: string | Uint8Array) => {
    const outcome = await told(desk.ingest(desk.write(feedFileName(dataset, stamp), content)));
    everything.push(outcome);
    return outcome;
  };

  // Rows of every outcome.
  await deliver('Visit', '20260801_060000', [...visits, billing.visit(billing.procedure())]);
  await deliver('Procedure', '20260801_060000', procedures.slice(0, 5));
  await deliver('Procedure', '20260802_060000', [{ ...first, Description: `${MARKER} changed` }, second]);
  await deliver('Procedure', '20260731_060000', [first, second]);
  await deliver('Visit', '20260801_060000', visits.slice(0, 2));
  expect(await deliver('Visit', '20260801_060000', visits.slice(0, 2))).toContain('unchanged');
  // Rows refused in every way.
  const bad: (Row | string)[] = [
    billing.visit(first, { VisitID: '' }),
    billing.visit(first, { VisitDate: `${MARKER}-02-30` }),
    billing.visit(first, { TotalCharge: `${MARKER}12.345` }),
    billing.visit(first, { PatientName: `${MARKER}\u0007bell` }),
    billing.visit(first, { VisitID: `1.23E+11` }),
    billing.visit(first, { Status: `${MARKER} forbidden` }),
    `V${MARKER}|cut`,
    `V${MARKER}|P|M|${'|'.repeat(30)}`,
    `"V${MARKER}"x|P|M|||||||||||`,
  ];
  const rejected = await deliver('Visit', '20260804_060000', [
    ...bad,
    ...Array.from({ length: 12 }, () => billing.visit(first)),
    `"V${MARKER}|open`,
  ]);
  for (const code of ['missing_value', 'bad_date', 'bad_money', 'bad_text', 'constraint', 'field_count'])
    expect(rejected).toContain(code);
  // Files refused in every way.
  expect(await deliver('Visit', '20260805_060000', bad)).toContain('bad_rows');
  expect(await deliver('Visit', '20260806_060000', visits, { columns: COLUMNS.Visit.slice(1) })).toContain(
    'missing_column',
  );
  expect(await deliver('Visit', '20260806_070000', visits, { columns: [...COLUMNS.Visit, 'Visit ID'] })).toContain(
    'duplicate_column',
  );
  expect(
    await write('Visit', '20260806_080000', feedFileText('Visit', visits).split('\n').slice(1).join('\n')),
  ).toContain('no_header');
  expect(
    await write('Visit', '20260806_090000', Buffer.from(`PK\x03\x04${MARKER}\0\0\x01\xfe`.repeat(99), 'latin1')),
  ).toContain('not_text');
  expect(
    await write('Visit', '20260806_100000', `${feedFileText('Visit', visits)}TRAILER|${MARKER_COUNT}\n`),
  ).toContain('trailer_count');
  expect(
    await write('Visit', '20260806_110000', `${feedFileText('Visit', visits)}${MARKER.repeat(3_000_000)}`),
  ).toMatch(/line_too_long|field_count/);
  // A file that moves, an unexpected error that quotes a row, three times, and faults of the database.
  failing.moment = 'reading';
  failing.act = () => {
    appendFileSync(`${desk.landing}/${feedFileName('Visit', '20260807_060000')}`, MARKER);
  };
  expect(await deliver('Visit', '20260807_060000', visits)).toContain('changed');
  failing.act = () => {
    throw new RangeError(`${MARKER} is out of range\n    at ${MARKER}`);
  };
  for (let time = 0; time < 3; time++)
    expect(await deliver('Visit', '20260807_070000', visits)).toContain('RangeError');
  expect(await deliver('Visit', '20260807_070000', visits)).toContain('internal_error');
  failing.moment = null;
  const other = new Database(desk.database.file);
  onTestFinished(() => {
    other.close();
  });
  other.exec('BEGIN IMMEDIATE');
  expect(await deliver('Visit', '20260808_060000', visits)).toContain('write lock');
  other.exec('ROLLBACK');

  for (const text of everything) expect(text).not.toMatch(LEAK);
  expect(progress.length).toBeGreaterThan(5);
  expect(progress.join()).not.toMatch(LEAK);
  expect(openParts(desk)).not.toMatch(LEAK);
  expect(JSON.stringify([...verifyDatabase(db, desk.feed)])).not.toMatch(LEAK);
  // The watch itself works: values are there, where they may be.
  expect(JSON.stringify(desk.rows('SELECT raw FROM rejects'))).toMatch(LEAK);
});

/** A trailer's count that is wrong. */
const MARKER_COUNT = 9_999;
