import { COLUMN_CODES } from '../columns/registry.ts';
import { RULE_CODES } from '../columns/row-rules.ts';

/**
 * Every reason code with the sentence the documents print for it. Codes are stable: users filter on them.
 */

/** Why a row was refused (`rejects.code`). `missing_parent` waits; all others are final. */
export const REJECT_CODES = {
  missing_parent: 'a row it refers to is not there yet; it waits and is admitted when that row arrives',
  missing_value: 'a required value is empty',
  ...COLUMN_CODES,
  ...RULE_CODES,
  bad_encoding: "bytes that are not text in the file's encoding",
  field_count: 'more or fewer fields than the header',
  unterminated_quote: 'a quoted field that does not close',
  bad_quote: 'text after the closing quote of a field',
  cut_off: 'the last row of the file is cut short: the upload was probably cut off',
  constraint: 'the database refused it for a constraint of its own',
} as const;
export type RejectCode = keyof typeof REJECT_CODES;

/** Why a file was not ingested (`files.reason_code`). */
export const FILE_CODES = {
  missing_column: 'a column that the dataset needs is not in the header',
  duplicate_column: 'a column appears twice in the header',
  joined_header: 'the header lacks its line end: a row stands behind it',
  no_header: 'no line in the file looks like the header of its dataset',
  empty: 'the file has no bytes',
  not_text: 'the file is not text (an archive, a document, a picture, random bytes)',
  bad_gzip: 'the compressed file is cut off, damaged or no gzip file, or swells beyond the limits',
  line_too_long: 'a line is longer than 8 MiB',
  bad_rows: 'more rows were rejected than the feed allows (max_bad_rows)',
  volume:
    'its number of rows is below the minimum or out of line with the files before it; held until someone accepts it or sends another',
  check: 'a check of the feed found rows in it that make no sense; held until someone accepts it or sends another',
  check_failed: 'a check of the feed could not be run to its end; held until someone accepts it or sends another',
  other_folder:
    'another content came under this name from another landing folder, which another daemon serves: their order cannot be told',
  rule_broken: 'a row breaks a rule of the feed whose severity is quarantine',
  trailer_count: 'the trailer states another number of rows than the file has: it was probably cut off',
  future_stamp: 'the stamp is more than 48 hours ahead of the clock; it is held until then',
  internal_error:
    'reading it crashed the program or raised an unexpected error three times, or the program was ended ten times in the middle of it',
  not_a_file: 'a folder, link, pipe, socket or device under a name of the feed',
  partial_upload: 'an upload that has not been finished for more than an hour',
  bad_stamp: 'the time stamp in the name is not a date and time',
  bad_brackets: 'the brackets around the time stamp do not pair',
  bad_dataset: 'the name has no dataset of the feed where it should be',
  bad_extension: 'the name has another extension',
  bad_case: 'the name has wrong capitals',
  bad_name: 'the name comes near to one of the feed but is not one',
} as const;
export type FileCode = keyof typeof FILE_CODES;

/** What is doubtful about a file that was ingested (`files.warnings`): nothing of it is refused for that. */
export const WARNING_CODES = {
  ...RULE_CODES,
  cut_off:
    'the last row has no line end, as those of earlier files have: it was loaded, but the upload was probably cut off in its last field',
  volume: 'its number of rows is below the minimum or out of line with the files before it; it was loaded',
  check: 'a check of the feed found rows that make no sense; it was loaded',
  check_failed: 'a check of the feed could not be run to its end; it was loaded',
  check_due: 'the checks on the tables were not run yet: the program ended before, and runs them at its next start',
} as const;
export type WarningCode = keyof typeof WARNING_CODES;

/** What someone may accept of a file (`decisions.code`): it is then loaded, or no longer told of. */
export const ACCEPTABLE_CODES = ['volume', 'check', 'check_failed'] as const satisfies readonly (
  FileCode | WarningCode
)[];
export type AcceptableCode = (typeof ACCEPTABLE_CODES)[number];
