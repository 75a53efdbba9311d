import type { S3Client } from '@aws-sdk/client-s3';
import { LandfallError } from '../model/errors.ts';

/** A bucket, and what the keys of all objects begin with. */
export interface S3Place {
  readonly bucket: string;
  /** With its slash at the end; empty: none. */
  readonly prefix: string;
}

/** Reads `s3://BUCKET/PREFIX`; null: it is no such URL. */
function s3Place(to: string): S3Place | null {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*?))?\/*$/.exec(to) ?? [];
  if (bucket === undefined) return null;
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

/** How a bucket is reached. */
export interface S3Options {
  /** Variables as AWS names them; credentials that are not among them are looked for as its programs do. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long a request may be without an answer, in ms. */
  readonly timeoutMs?: number;
  /** How often it is tried. */
  readonly attempts?: number;
  /** What is larger is sent in pieces of this size, in bytes; S3 takes none below 5 MiB. */
  readonly pieceBytes?: number;
}

const TIMEOUT_MS = 60_000;
const ATTEMPTS = 6;

/** The client's commands, which are loaded only where a bucket is named. */
export type Sdk = typeof import('@aws-sdk/client-s3');

/** A store that is not AWS's is named by AWS_ENDPOINT_URL, takes the bucket in the path, and no checksums that S3 once had not. */
export function createClient(sdk: Sdk, options: S3Options): S3Client {
  const { env, timeoutMs = TIMEOUT_MS, attempts = ATTEMPTS } = options;
  const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? (endpoint === undefined ? undefined : 'us-east-1');
  const [accessKeyId, secretAccessKey, sessionToken] = ['ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN'].map(
    (name) => env[`AWS_${name}`],
  );
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
  return new sdk.S3Client({
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(region === undefined ? {} : { region }),
    ...credentials,
    maxAttempts: attempts,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: timeoutMs, requestTimeout: timeoutMs, throwOnRequestTimeout: true },
  });
}

/**
 * Refuses what looks like a URL and is none of a bucket.
 * @throws LandfallError
 */
export function requireS3Place(to: string): S3Place {
  const place = s3Place(to);
  if (place !== null) return place;
  throw new LandfallError('export', `--to ${to} is no bucket`, { hint: 'expected for example s3://lake/prod' });
}
