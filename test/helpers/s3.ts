import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a request may meet. `lost`: it is done, and the answer never comes; `conflict`: 409; `silent`: not done, and no answer. */
export type S3Trouble = 'none' | 'error' | 'lost' | 'silent' | 'conflict';

/** A bucket server of our own, which is strict: it checks signatures, hashes, conditions and the order of pieces. */
export interface FakeS3 {
  /** What `landfall export` needs to find it. */
  readonly env: Readonly<Record<string, string>>;
  readonly bucket: string;
  /** By key. */
  readonly objects: Map<string, Buffer>;
  /** Uploads in pieces that were begun and neither completed nor given up. */
  readonly uploads: ReadonlyMap<string, unknown>;
  /** `PUT visits/…`, in the order in which they came. */
  readonly requests: string[];
  /** Decides what each request meets. */
  trouble: (method: string, key: string) => S3Trouble;
  readonly close: () => Promise<void>;
}

const BUCKET = 'lake';
const KEY_ID = 'AKIATESTTESTTESTTEST';
const SECRET = 'a secret of no account';
/** S3 has 5 MiB, of all pieces but the last. */
const LEAST_PIECE_BYTES = 64 * 1024;
/** Few, so that lists come in pages. */
const KEYS_A_PAGE = 5;

/** Starts one on this machine; it is closed when the test is over. */
export async function startFakeS3(whenOver: (cleanUp: () => Promise<void>) => void = onTestFinished): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, { readonly key: string; readonly pieces: Map<number, Buffer> }>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const url = new URL(request.url ?? '/', 'http://s3');
      const [, bucket = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
      const key = rest.join('/');
      const method = request.method ?? '';
      requests.push(`${method} ${key}`);
      const trouble = fake.trouble(method, key);
      if (trouble === 'silent') return;
      if (trouble === 'error') {
        fail(response, 500, 'InternalError');
        return;
      }
      if (trouble === 'conflict') {
        fail(response, 409, 'ConditionalRequestConflict');
        return;
      }
      const answer = trouble === 'lost' ? null : response;
      const problem = checkSignature(request, url, body);
      if (problem !== null) fail(response, 403, problem);
      else if (bucket !== BUCKET) fail(response, 404, 'NoSuchBucket');
      else handle({ request, url, key, body, objects, uploads }, answer);
      if (answer === null) request.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const fake: FakeS3 = {
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: KEY_ID,
      AWS_SECRET_ACCESS_KEY: SECRET,
      AWS_REGION: 'us-east-1',
    },
    ...{ bucket: BUCKET, objects, uploads, requests, trouble: () => 'none' },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
  whenOver(fake.close);
  return fake;
}

interface Call {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly key: string;
  readonly body: Buffer;
  readonly objects: Map<string, Buffer>;
  readonly uploads: Map<string, { readonly key: string; readonly pieces: Map<number, Buffer> }>;
}

/** @param response null: what is asked for is done, and nothing is said */
function handle(call: Call, response: ServerResponse | null): void {
  const { request, url, key, body, objects, uploads } = call;
  const uploadId = url.searchParams.get('uploadId');
  const upload = uploadId === null ? undefined : uploads.get(uploadId);
  if (uploadId !== null && upload?.key !== key) {
    fail(response, 404, 'NoSuchUpload');
    return;
  }
  switch (`${request.method ?? ''}${upload === undefined ? '' : ' upload'}`) {
    case 'GET':
      if (key === '') list(call, response);
      else get(objects.get(key), response, true);
      return;
    case 'HEAD':
      get(objects.get(key), response, false);
      return;
    case 'PUT':
      put(call, response);
      return;
    case 'DELETE':
      objects.delete(key);
      say(response, 204, {}, '');
      return;
    case 'POST': {
      const id = `upload-${uploads.size + 1}-${createHash('md5').update(key).digest('hex')}`;
      uploads.set(id, { key, pieces: new Map() });
      say(
        response,
        200,
        {},
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
      return;
    }
    case 'PUT upload':
      upload?.pieces.set(Number(url.searchParams.get('partNumber')), body);
      say(response, 200, { etag: etagOf(body) }, '');
      return;
    case 'DELETE upload':
      uploads.delete(uploadId ?? '');
      say(response, 204, {}, '');
      return;
    case 'POST upload':
      complete(call, upload?.pieces ?? new Map<number, Buffer>(), uploadId ?? '', response);
      return;
    default:
      fail(response, 405, 'MethodNotAllowed');
  }
}

function get(found: Buffer | undefined, response: ServerResponse | null, withBody: boolean): void {
  if (found === undefined) fail(response, 404, 'NoSuchKey');
  else say(response, 200, { etag: etagOf(found), 'content-length': String(found.length) }, withBody ? found : '');
}

function put({ request, key, body, objects }: Call, response: ServerResponse | null): void {
  const there = objects.get(key);
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers;
  if (noneMatch !== undefined && noneMatch !== '*') fail(response, 501, 'NotImplemented');
  else if (match !== undefined && there === undefined) fail(response, 404, 'NoSuchKey');
  else if (
    (noneMatch === '*' && there !== undefined) ||
    (match !== undefined && there !== undefined && match !== etagOf(there))
  )
    fail(response, 412, 'PreconditionFailed');
  else {
    objects.set(key, body);
    say(response, 200, { etag: etagOf(body) }, '');
  }
}

function complete(
  { key, body, objects, uploads }: Call,
  pieces: ReadonlyMap<number, Buffer>,
  id: string,
  response: ServerResponse | null,
): void {
  const text = body.toString();
  const named = [...text.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => Number(number));
  const tags = [...text.matchAll(/<ETag>(.*?)<\/ETag>/g)].map(([, tag = '']) => tag.replaceAll('&quot;', '"'));
  const found = named.map((number) => pieces.get(number));
  const isWhole = found.every((piece, at) => piece !== undefined && etagOf(piece) === tags[at]);
  if (!isWhole || named.length === 0) fail(response, 400, 'InvalidPart');
  else if (named.some((number, at) => number !== at + 1)) fail(response, 400, 'InvalidPartOrder');
  else if (found.slice(0, -1).some((piece) => (piece?.length ?? 0) < LEAST_PIECE_BYTES))
    fail(response, 400, 'EntityTooSmall');
  else {
    const content = Buffer.concat(found.flatMap((piece) => piece ?? []));
    objects.set(key, content);
    uploads.delete(id);
    say(
      response,
      200,
      {},
      `<CompleteMultipartUploadResult><ETag>${etagOf(content)}</ETag></CompleteMultipartUploadResult>`,
    );
  }
}

function list({ url, objects }: Call, response: ServerResponse | null): void {
  const prefix = url.searchParams.get('prefix') ?? '';
  const after = url.searchParams.get('continuation-token') ?? '';
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, KEYS_A_PAGE);
  const isCut = keys.length > page.length;
  const contents = page.map(
    (key) => `<Contents><Key>${key}</Key><Size>${objects.get(key)?.length ?? 0}</Size></Contents>`,
  );
  const next = isCut ? `<NextContinuationToken>${page.at(-1) ?? ''}</NextContinuationToken>` : '';
  say(
    response,
    200,
    {},
    `<ListBucketResult><IsTruncated>${isCut}</IsTruncated>${contents.join('')}${next}</ListBucketResult>`,
  );
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function say(
  response: ServerResponse | null,
  status: number,
  headers: Record<string, string>,
  body: string | Buffer,
): void {
  response?.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
}

function fail(response: ServerResponse | null, status: number, code: string): void {
  say(response, status, {}, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // A client that goes away has sent what it has sent.
  for await (const chunk of request.on('error', () => undefined)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
function checkSignature({ method = '', headers }: IncomingMessage, url: URL, body: Buffer): string | null {
  const [, credential = '', signed = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=(\w+)$/.exec(headers.authorization ?? '') ?? [];
  const [keyId, ...scope] = credential.split('/');
  if (keyId !== KEY_ID) return 'InvalidAccessKeyId';
  const hash = createHash('sha256').update(body).digest('hex');
  if (headers['x-amz-content-sha256'] !== hash) return 'XAmzContentSHA256Mismatch';
  const names = signed.split(';');
  // What decides is signed.
  for (const name of ['host', 'x-amz-content-sha256', 'x-amz-date', 'if-match', 'if-none-match'])
    if (headers[name] !== undefined && !names.includes(name)) return 'AccessDenied';
  const escaped = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`); // prettier-ignore
  const query = [...url.searchParams].map(([name, value]) => `${escaped(name)}=${escaped(value)}`).sort();
  const canonical = [
    ...[method, url.pathname.split('/').map((part) => escaped(decodeURIComponent(part))).join('/'), query.join('&')],
    ...names.map((name) => `${name}:${String(headers[name]).trim()}`),
    ...['', signed, hash],
  ].join('\n'); // prettier-ignore
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope.join('/'), createHash('sha256').update(canonical).digest('hex')].join('\n'); // prettier-ignore
  let key: Buffer = Buffer.from(`AWS4${SECRET}`);
  for (const part of scope) key = createHmac('sha256', key).update(part).digest();
  return createHmac('sha256', key).update(toSign).digest('hex') === signature ? null : 'SignatureDoesNotMatch';
}
