import { LandfallError } from '../model/errors.ts';
import { systemCode } from '../system/system-error.ts';

/** What S3 calls an error (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html); the class of any other. */
export function s3ErrorName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** What to say of those that a person can mend. */
const PROBLEMS: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  NoSuchBucket: ['there is no such bucket', 'make it, or name another with --to'],
  AccessDenied: ['it may not be used', 'allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket'],
  InvalidAccessKeyId: ['its access key is not known', 'check AWS_ACCESS_KEY_ID, or the role of the machine'],
  SignatureDoesNotMatch: ['its secret key is another', 'check AWS_SECRET_ACCESS_KEY'],
  ExpiredToken: ['its credentials have expired', 'ask for new ones'],
  PermanentRedirect: ['it is in another region', 'name that with AWS_REGION'],
  CredentialsProviderError: [
    'no credentials were found',
    'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role',
  ],
};

/** An error of the client as one sentence; those of ours pass. */
export function s3Error(cause: unknown, shown: string): unknown {
  if (cause instanceof LandfallError) return cause;
  const name = s3ErrorName(cause);
  const known = PROBLEMS[name];
  const hint = 'the manifest was left as it was; the next run goes on from there';
  if (known !== undefined) return new LandfallError('export', known[0], { file: shown, hint: known[1], cause });
  // A fault of ours is none of the bucket.
  if (['TypeError', 'RangeError', 'ReferenceError'].includes(name)) return cause;
  const code = systemCode(cause) ?? name;
  return new LandfallError('export', `it could not be written, though tried again (${code})`, {
    ...{ file: shown, hint, cause },
  });
}
