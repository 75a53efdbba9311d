import { expect, test } from 'vitest';
import { nameAt, readFileName } from '../../src/feed/file-name.ts';
import { LandfallError } from '../../src/model/errors.ts';
import { claimsFeed } from '../helpers/small-feed.ts';

/** What a name is read as: dataset and stamp, or its code, or its kind. */
function read(pattern: string, name: string, more = ''): string {
  const meaning = readFileName(claimsFeed(pattern, more), name);
  if (meaning.kind === 'taken') return `${meaning.dataset.name} ${meaning.stamp ?? '-'}`;
  return meaning.kind === 'near_miss' ? meaning.code : meaning.kind;
}

const IN_FOLDERS = '{dataset}/{dataset}_{stamp:YYYYMMDD}.csv';
const PLAIN = '{dataset}.csv';
const PARTS = 'in/{dataset}/part-{part}.csv';
const TURNED = '{stamp:YYYY-MM-DD_hhmmss} {dataset} (all).csv';

test.each([
  [IN_FOLDERS, 'claim/claim_20220128.csv', 'claim 2022-01-28T00:00:00Z'],
  [IN_FOLDERS, 'claim_line/claim_line_20220128.csv', 'claim_line 2022-01-28T00:00:00Z'],
  [IN_FOLDERS, 'claim/claim_line_20220128.csv', 'bad_dataset'],
  [IN_FOLDERS, 'claim/claim_20221328.csv', 'bad_stamp'],
  [IN_FOLDERS, 'claim/claim_2022012.csv', 'bad_stamp'],
  [IN_FOLDERS, 'claim/claim_.csv', 'bad_stamp'],
  [IN_FOLDERS, 'Claim/claim_20220128.csv', 'bad_case'],
  [IN_FOLDERS, 'claim/claim_20220128.CSV', 'bad_case'],
  [IN_FOLDERS, 'claim/claim_20220128.txt', 'bad_extension'],
  [IN_FOLDERS, 'claim/claim_20220128.csv.gz', 'bad_extension'],
  [IN_FOLDERS, 'claims/claims_20220128.csv', 'bad_dataset'],
  [IN_FOLDERS, 'claim_20220128.csv', 'bad_name'],
  [IN_FOLDERS, 'claim/Copy of claim_20220128.csv', 'bad_dataset'],
  [IN_FOLDERS, 'claim/claim_20220128 (1).csv', 'bad_stamp'],
  [IN_FOLDERS, 'claim/.claim_20220128.csv', 'partial'],
  [IN_FOLDERS, 'claim/claim_20220128.csv.filepart', 'partial'],
  [IN_FOLDERS, 'claim/notes.txt', 'foreign'],
  [IN_FOLDERS, 'notes.csv', 'foreign'],
  [PLAIN, 'claim.csv', 'claim -'],
  [PLAIN, 'claim_line.csv', 'claim_line -'],
  [PLAIN, 'claims.csv', 'bad_dataset'],
  [PLAIN, 'CLAIM.csv', 'bad_case'],
  [PLAIN, 'claim.txt', 'bad_extension'],
  [PLAIN, 'Copy of claim.csv', 'bad_name'],
  [PLAIN, 'claim.csv.tmp', 'partial'],
  [PLAIN, 'rooms.csv', 'foreign'],
  [PARTS, 'in/claim/part-0000.csv', 'claim -'],
  [PARTS, 'in/claim_line/part-9_a.csv', 'claim_line -'],
  [PARTS, 'in/claims/part-0000.csv', 'bad_dataset'],
  [PARTS, 'in/claim/part-.csv', 'bad_name'],
  [PARTS, 'in/claim/README.csv', 'foreign'],
  [TURNED, '2022-01-28_060102 claim (all).csv', 'claim 2022-01-28T06:01:02Z'],
  [TURNED, '2022-01-28_250102 claim (all).csv', 'bad_stamp'],
  ['{dataset}.{stamp:YYYYMM}', 'claim.202201', 'claim 2022-01-01T00:00:00Z'],
])('by %s the name %s is read as %s', (pattern, name, expected) => {
  expect(read(pattern, name)).toBe(expected);
});

test.each([
  ['claim/claim_20220128.csv.gz', 'claim 2022-01-28T00:00:00Z'],
  ['claim/claim_20220128.csv', 'claim 2022-01-28T00:00:00Z'],
  ['claim/claim_20220128.csv.GZ', 'bad_case'],
])('of a feed whose files may be compressed, %s is read as %s', (name, expected) => {
  expect(read(IN_FOLDERS, name, ', compressed: true')).toBe(expected);
});

test('what a name lacks is said by the pattern of the feed', () => {
  const meaning = readFileName(claimsFeed(IN_FOLDERS), 'claims/claims_20220128.csv');
  expect(meaning).toMatchObject({
    reason: `in ${IN_FOLDERS}, {dataset} must be claim or claim_line, the same everywhere; rename the file`,
  });
});

test('a file at a path is called by as many of its last parts as the pattern has', () => {
  expect(nameAt(claimsFeed(IN_FOLDERS), '/srv/in/claim/claim_20220128.csv')).toBe('claim/claim_20220128.csv');
  expect(nameAt(claimsFeed(PLAIN), '/srv/in/claim.csv')).toBe('claim.csv');
});

test.each([
  ['{dataset', 'files.pattern: holds a brace that does not pair; expected for example'],
  ['{data}.csv', 'files.pattern: {data} is not known: there are {dataset}, {stamp:…} and {part}'],
  ['{dataset}_{stamp:YYYYDD}.csv', 'the stamp lacks a unit'],
  ['{dataset}_{stamp:YYYYMMDDYYYY}.csv', 'the stamp has a unit twice'],
  ['{dataset}_{stamp:yyyymmdd}.csv', 'the form of the stamp, yyyymmdd, is not known'],
  ['{dataset}_{stamp}_{stamp}.csv', 'has {stamp} more than once'],
  ['../{dataset}.csv', 'must be a path below the landing folder'],
  ['/in/{dataset}.csv', 'must be a path below the landing folder'],
  ['{dataset}.csv.gz', 'must not end with .gz: say `compressed: true`'],
  ['{dataset}.part', 'ends as an upload under way does'],
  ['all_{stamp}.csv', 'lacks {dataset}: the feed has several'],
])('the pattern %s is refused', (pattern, problem) => {
  let told = 'nothing';
  try {
    claimsFeed(pattern);
  } catch (error) {
    if (error instanceof LandfallError) told = error.message;
  }
  expect(told).toContain(problem);
});
