import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The documented header cells of each dataset, the key first. Written out here so that tests do not lean on the feed definition. */
export const COLUMNS = {
  Procedure: ['ProcedureID', 'ProcedureCode', 'CodeSystem', 'Description', 'StandardCharge', 'EffectiveDate'],
  Visit: [
    'VisitID',
    'ProcedureID',
    'PatientID',
    'PatientName',
    'DateOfBirth',
    'PatientPhone',
    'PatientAddress',
    'VisitType',
    'VisitDate',
    'DischargeDate',
    'Facility',
    'Provider',
    'TotalCharge',
    'Status',
  ],
  Transaction: [
    'TransactionID',
    'VisitID',
    'ProcedureID',
    'TransactionDate',
    'PostDate',
    'TransactionType',
    'Amount',
    'Payer',
    'Description',
  ],
} as const;

export type DatasetName = keyof typeof COLUMNS;
export const DATASET_NAMES = ['Procedure', 'Visit', 'Transaction'] as const satisfies readonly DatasetName[];

/** Values by header cell; a column that is left out is written as an empty field. */
export type Row = Readonly<Record<string, string>>;

export interface FileOptions {
  /** Put the stamp of the name in square brackets (default true). */
  readonly brackets?: boolean;
  /** Default `|`. */
  readonly delimiter?: string;
  /** Default `\n`. */
  readonly newline?: string;
  /** Start with a byte order mark (default false). */
  readonly bom?: boolean;
  /** The header cells to write, in this order (default: all of the dataset). */
  readonly columns?: readonly string[];
  /** The time of last change, so that a file need not settle (default: now). */
  readonly modified?: Date;
}

/**
 * The name of a feed file.
 * @param stamp UTC, as in the name (`20250601_060000`, taken as it is, also when it is wrong) or as a Date
 */
export function feedFileName(dataset: string, stamp: string | Date, options: FileOptions = {}): string {
  const text = typeof stamp === 'string' ? stamp : nameStamp(stamp);
  return `HospitalABC_VisitPay_${dataset}_${options.brackets === false ? text : `[${text}]`}.txt`;
}

/**
 * The text of a feed file: a header and a line for each row.
 * @param rows values by header cell, quoted where they need it; a string is written as it stands (a broken line)
 */
export function feedFileText(dataset: DatasetName, rows: readonly (Row | string)[], options: FileOptions = {}): string {
  const delimiter = options.delimiter ?? '|';
  const columns = options.columns ?? COLUMNS[dataset];
  const quoted = (value: string): string =>
    value.includes(delimiter) || /["\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  const lines = rows.map((row) =>
    typeof row === 'string' ? row : columns.map((column) => quoted(row[column] ?? '')).join(delimiter),
  );
  const newline = options.newline ?? '\n';
  return (options.bom === true ? '\uFEFF' : '') + [columns.join(delimiter), ...lines].join(newline) + newline;
}

/**
 * Writes a feed file into a folder, over one of the same name.
 * @returns its name and path
 */
export function writeFeedFile(
  folder: string,
  dataset: DatasetName,
  stamp: string | Date,
  rows: readonly (Row | string)[],
  options: FileOptions = {},
): { name: string; path: string } {
  const name = feedFileName(dataset, stamp, options);
  const path = join(folder, name);
  writeFileSync(path, feedFileText(dataset, rows, options));
  if (options.modified !== undefined) utimesSync(path, options.modified, options.modified);
  return { name, path };
}

/** A Date as it stands in file names, UTC: `20250601_060000`. */
function nameStamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '_');
}
