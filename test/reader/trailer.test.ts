import { describe, expect, test } from 'vitest';
import { FileRefused } from '../../src/model/errors.ts';
import { datasetOf, FOUND, inChunks, readChunks } from './reading.ts';

const COLUMNS = ['VisitID', 'PatientName', 'BirthDate', 'TotalCharge'];
const ROWS = 'V1|Smith|1952-06-25|10.00\nV2|Jones|1961-03-04|20.00\n';

/** What becomes of the last line of a file of two rows. */
function fateOf(last: string, columns = COLUMNS): string {
  const content = Buffer.from(`${columns.join('|')}\n${ROWS}${last}\n`);
  try {
    const { events, totals } = readChunks(inChunks(content, content.length), {
      dataset: datasetOf('Visit', COLUMNS),
      format: FOUND,
    });
    const of = events.find(({ line }) => line === 4);
    return of === undefined ? (totals.skippedLines === 1 ? 'trailer' : 'lost') : of.kind;
  } catch (error) {
    if (error instanceof FileRefused) return error.code;
    throw error;
  }
}

describe('P6: the last line is left out only where it is a trailer beyond doubt', () => {
  test.each([
    ['Total records: 2 in file'],
    ['Records 2.'],
    ['EOF 2 rows'],
    ['Trailer|2 rows|||'],
    ['Trailer|2 rows||'],
    ['Trailer, record count: 2'],
    ['TRL|2|HospitalABC_VisitPay_Visit_[20260801_060000].txt'],
    ['End of file HospitalABC_VisitPay_Visit_[20260801_060000].txt'],
    ['End of file 2026-08-01 06:02:03'],
    ['End of file Sat Aug  1 06:02:03 UTC 2026'],
    ['Footer|20260801T060203Z|2|30.00'],
    ['Footer|2|$1,030.00'],
    ['End of file: Sat, 1 Aug 2026 06:02:03 GMT'],
    ['Rows: 2, created 8/1/2026 6:02 PM'],
    ['rows|2|01-AUG-2026'],
    ['*** End of file ***'],
    ['<EOF>'],
    ['--- 2 rows ---'],
    ['(2 rows)'],
    ['2 rows selected.'],
    ['*** row_count = 2 ***'],
    ['2 row(s) affected'],
  ])('%s: a trailer', (line) => {
    expect(fateOf(line)).toBe('trailer');
  });

  test.each([
    ['Total records: 999 in file'],
    ['Records 999.'],
    ['EOF 999 rows'],
    ['Trailer|999 rows|||'],
    ['Trailer|999 rows||'],
    ['Trailer, record count: 1,999'],
    ['EOF Aug 1 2026 999 rows'],
    ['--- 999 rows ---'],
    ['number of rows=999'],
    ['999 rows affected.'],
    ['EOF|999 records in file'],
  ])('%s: its count is held against the rows', (line) => {
    expect(fateOf(line)).toBe('trailer_count');
  });

  test.each([
    ['Rows: Smith John 1952-06-25'],
    ['Records Smith'],
    ['Trailer Smith John'],
    ['Trailer|Smith|1952-06-25'],
    ['EOF Smith|2'],
    ['End of file: Smith'],
    ['Rows: 123-45-6789'],
    ['Trailer 617-555-0199'],
    ['2 rows Smith'],
    ['count|Smith'],
    ['End|May|1952-06-25'],
    ['Records May 1952-06-25'],
    ['Total Smith.John'],
    ['EOF|Sun|Read'],
    ['Records Mon'],
    ['TRL|50%'],
    ['End of file|?'],
    ['Rows: A+'],
    ['Trailer 2 of Bed 12B'],
  ])('%s: a row, and refused', (line) => {
    expect(fateOf(line)).toBe('refused');
  });

  test.each([['Trailer|Smith|1952-06-25|10.00'], ['EOF|2|Jones|20.00'], ['Rows|2||'], ['END1001|King||']])(
    '%s: a row',
    (line) => {
      expect(fateOf(line)).toBe('row');
    },
  );
});
