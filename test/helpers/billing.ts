import type { Row } from './feed-files.ts';
import { createRandom } from './random.ts';

/**
 * Stands in every generated text (keys, names, addresses, descriptions), so that a value that got into a log is found
 * by a search. Values of other types cannot carry it: all births are in `MARKER_YEAR`, which no other date uses.
 */
export const MARKER = 'ZQX';
export const MARKER_YEAR = '1907';

/** Matches any text that holds a marked value. */
export const LEAK = new RegExp(`${MARKER}|${MARKER_YEAR}-?[01]\\d`, 'i');

/** What may look like a marked value and is none: the stamp in a file's name, the random letters of a temporary folder. */
const NO_VALUE = /_\[?\d{8}_\d{6}\]?|landfall-(?:test|campaign)-\w+/g;

/** Where a log holds a marked value, or null. */
export function findLeak(log: string): number | null {
  return LEAK.exec(log.replaceAll(NO_VALUE, ''))?.index ?? null;
}

/** Makes believable rows of a hospital's billing extract. The same seed makes the same rows. */
export interface Billing {
  /** A procedure of the price list, `changes` over it. */
  procedure(changes?: Row): Row;
  /** A visit for a procedure, `changes` over it. */
  visit(procedure: Row, changes?: Row): Row;
  /** A charge, payment or adjustment on a visit, `changes` over it. */
  transaction(visit: Row, changes?: Row): Row;
}

const CATALOGUE: readonly (readonly [code: string, description: string, dollars: number])[] = [
  ['99213', 'Office visit, established patient', 148],
  ['99284', 'Emergency department visit, high severity', 1240],
  ['71046', 'Chest X-ray, two views', 186],
  ['80053', 'Comprehensive metabolic panel', 64],
  ['93000', 'Electrocardiogram, complete', 95],
  ['70450', 'CT of the head without contrast', 1115],
  ['45378', 'Colonoscopy, diagnostic', 2310],
  ['29881', 'Knee arthroscopy with meniscectomy', 6480],
  ['59400', 'Routine obstetric care', 4200],
  ['90471', 'Immunization administration', 38],
];
const FIRST_NAMES = ['Anna', 'Bruno', 'Carla', 'Dmitri', 'Ewa', 'Farid', 'Grace', 'Hiroshi', 'Ines', 'José', 'Zoë'];
const LAST_NAMES = ['Lindqvist', "O'Neill", 'Okafor', 'Nguyen', 'de la Cruz', 'Müller', 'Haddad', 'Smith', 'Kowalski'];
const STREETS = ['Main St', 'Oak Ave', 'Harbor Rd', '2nd St, Apt 4', 'Elm Ct'];
const FACILITIES = ['Main Campus', 'North Clinic', 'Harbor Surgery Center'];
const PAYERS = ['Aetna', 'Blue Cross', 'Medicare', 'Self-pay', ''];

export interface BillingOptions {
  /** Visits begin in the week from this day on, UTC (default 2025-06-02). */
  readonly firstDay?: Date;
  /** Write values without the marker, for a person to look at (default false). */
  readonly unmarked?: boolean;
}

/**
 * Creates a generator of billing rows.
 * @param seed the same seed makes the same rows
 */
export function createBilling(seed: number, options: BillingOptions = {}): Billing {
  const firstDay = options.firstDay ?? new Date('2025-06-02T00:00:00Z');
  const random = createRandom(seed);
  const mark = options.unmarked === true ? '' : MARKER;
  const marked = (text: string): string => (mark === '' ? text : `${mark} ${text}`);
  const birthYear = (): string => (mark === '' ? String(1935 + random.below(85)) : MARKER_YEAR);
  const counts = { procedure: 0, visit: 0, transaction: 0 };
  const day = (offset: number): string => new Date(firstDay.getTime() + offset * 86_400_000).toISOString().slice(0, 10);
  const dollars = (limit: number): string => `${1 + random.below(limit)}.${String(random.below(100)).padStart(2, '0')}`;
  const twoDigits = (limit: number): string => String(1 + random.below(limit)).padStart(2, '0');
  const number = (kind: keyof typeof counts): string => String(++counts[kind]).padStart(6, '0');

  return {
    procedure(changes = {}) {
      const count = number('procedure');
      const [code, description, price] = CATALOGUE[counts.procedure % CATALOGUE.length] ?? random.pick(CATALOGUE);
      return {
        ProcedureID: `P${mark}${count}`,
        ProcedureCode: `${mark}${code}`,
        CodeSystem: 'CPT',
        Description: marked(description),
        StandardCharge: `${price}.00`,
        EffectiveDate: '2025-01-01',
        ...changes,
      };
    },
    visit(procedure, changes = {}) {
      const count = number('visit');
      const admitted = random.below(7);
      const inpatient = random.chance(0.3);
      return {
        VisitID: `V${mark}${count}`,
        ProcedureID: procedure['ProcedureID'] ?? '',
        PatientID: `M${mark}${String(1 + random.below(9000)).padStart(7, '0')}`,
        PatientName: marked(`${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`),
        DateOfBirth: `${birthYear()}-${twoDigits(12)}-${twoDigits(28)}`,
        PatientPhone: marked(`555-01${twoDigits(99)}`),
        PatientAddress: marked(`${1 + random.below(900)} ${random.pick(STREETS)}`),
        VisitType: inpatient ? 'Inpatient' : random.pick(['Outpatient', 'Emergency']),
        VisitDate: day(admitted),
        DischargeDate: day(admitted + (inpatient ? 1 + random.below(5) : 0)),
        Facility: random.pick(FACILITIES),
        Provider: marked(`Dr. ${random.pick(LAST_NAMES)}`),
        TotalCharge: dollars(9000),
        Status: random.pick(['Open', 'Billed', 'Closed']),
        ...changes,
      };
    },
    transaction(visit, changes = {}) {
      const count = number('transaction');
      const kind = random.pick(['Charge', 'Payment', 'Adjustment']);
      const date = visit['VisitDate'] ?? day(0);
      return {
        TransactionID: `T${mark}${count}`,
        VisitID: visit['VisitID'] ?? '',
        ProcedureID: random.chance(0.8) ? (visit['ProcedureID'] ?? '') : '',
        TransactionDate: date,
        PostDate: date,
        TransactionType: kind,
        Amount: `${kind === 'Charge' ? '' : '-'}${dollars(2000)}`,
        Payer: random.pick(PAYERS),
        Description: marked(kind === 'Charge' ? 'Facility charge' : kind),
        ...changes,
      };
    },
  };
}
