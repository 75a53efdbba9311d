import type { S3Client } from '@aws-sdk/client-s3';
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type S3Options, type S3Place, type Sdk } from './s3-client.ts';
import { s3Error, s3ErrorName } from './s3-errors.ts';
import type { Spool } from './spool.ts';
import { generationOf, MANIFEST_NAME, type StoredManifest, type Target } from './target.ts';

const PIECE_BYTES = 16 * 1024 * 1024;
/** So many objects are removed at a time. */
const REMOVED_AT_ONCE = 8;
/** Another write of the same object is under way: it is tried again so often, so much later. */
const CONFLICTS = 10;
const CONFLICT_WAIT_MS = 200;

/** A bucket while it is written. */
interface Bucket {
  readonly sdk: Sdk;
  readonly client: S3Client;
  readonly place: S3Place;
  /** What names an object. */
  readonly at: (name: string) => { readonly Bucket: string; readonly Key: string };
}

/**
 * Opens a bucket to export into. Nobody can lock it: its conditional writes decide between two exporters.
 * @param spool on this machine; it is closed with the target
 */
export async function openS3Target(place: S3Place, spool: Spool, options: S3Options): Promise<Target> {
  const sdk = await import('@aws-sdk/client-s3');
  const client = createClient(sdk, options);
  const shown = `s3://${place.bucket}/${place.prefix.slice(0, -1)}`;
  const bucket: Bucket = { sdk, client, place, at: (name) => ({ Bucket: place.bucket, Key: place.prefix + name }) };
  const { pieceBytes = PIECE_BYTES } = options;
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw s3Error(cause, shown);
    }
  };
  return {
    shown,
    spool: spool.folder,
    readManifest: () => guarded(() => readManifest(bucket)),
    list: () => guarded(() => listParts(bucket)),
    put: (name, from) =>
      guarded(async () => {
        if (fs.statSync(from).size > pieceBytes) await putInPieces(bucket, name, from, pieceBytes);
        else await client.send(new sdk.PutObjectCommand({ ...bucket.at(name), Body: fs.readFileSync(from) }));
        fs.rmSync(from);
      }),
    settle: () => Promise.resolve(),
    fetch: (name) =>
      guarded(async () => {
        const { Body } = await client.send(new sdk.GetObjectCommand(bucket.at(name)));
        const file = path.join(spool.folder, 'fetched.tmp');
        await pipeline(Body as Readable, fs.createWriteStream(file, { mode: 0o600 }));
        return file;
      }),
    commit: (text, before) => guarded(() => commit(bucket, text, before)),
    remove: (names) =>
      guarded(async () => {
        for (let start = 0; start < names.length; start += REMOVED_AT_ONCE) {
          const some = names.slice(start, start + REMOVED_AT_ONCE);
          await Promise.all(some.map((name) => client.send(new sdk.DeleteObjectCommand(bucket.at(name)))));
        }
      }),
    close() {
      client.destroy();
      spool.close();
      return Promise.resolve();
    },
  };
}

async function readManifest({ sdk, client, at }: Bucket): Promise<StoredManifest | null> {
  try {
    const { Body, ETag } = await client.send(new sdk.GetObjectCommand(at(MANIFEST_NAME)));
    return { text: (await Body?.transformToString()) ?? '', tag: ETag ?? '' };
  } catch (error) {
    if (s3ErrorName(error) === 'NoSuchKey') return null;
    throw error;
  }
}

async function listParts({ sdk, client, place: { bucket, prefix } }: Bucket): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { Contents = [] } of sdk.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
    for (const { Key = '' } of Contents) names.push(Key.slice(prefix.length));
  return names.filter((name) => generationOf(name) !== null);
}

/** Sends a file in pieces, which become the object together or not at all. */
async function putInPieces(bucket: Bucket, name: string, from: string, pieceBytes: number): Promise<void> {
  const { sdk, client, at } = bucket;
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(at(name)));
  const file = await open(from);
  const { size } = await file.stat();
  try {
    const pieces: { PartNumber: number; ETag: string | undefined }[] = [];
    for (let start = 0; start < size; start += pieceBytes) {
      const bytes = Buffer.alloc(Math.min(pieceBytes, size - start));
      await file.read(bytes, 0, bytes.length, start);
      const PartNumber = pieces.length + 1;
      const piece = { ...at(name), UploadId, PartNumber, Body: bytes };
      pieces.push({ PartNumber, ETag: (await client.send(new sdk.UploadPartCommand(piece))).ETag });
    }
    const all = { ...at(name), UploadId, MultipartUpload: { Parts: pieces } };
    await client.send(new sdk.CompleteMultipartUploadCommand(all));
  } catch (error) {
    // Of a completion whose answer was lost, the next try hears that there is no such upload.
    if (s3ErrorName(error) === 'NoSuchUpload' && (await sizeOf(bucket, name)) === size) return;
    await client.send(new sdk.AbortMultipartUploadCommand({ ...at(name), UploadId })).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

async function sizeOf({ sdk, client, at }: Bucket, name: string): Promise<number | null> {
  const found = await client.send(new sdk.HeadObjectCommand(at(name))).catch(() => null);
  return found?.ContentLength ?? null;
}

async function commit(bucket: Bucket, text: string, before: StoredManifest | null): Promise<boolean> {
  const { sdk, client, at } = bucket;
  const condition = before === null ? { IfNoneMatch: '*' } : { IfMatch: before.tag };
  const put = { ...at(MANIFEST_NAME), Body: text, ContentType: 'application/json', ...condition };
  for (let conflicts = 0; ; conflicts++) {
    try {
      await client.send(new sdk.PutObjectCommand(put));
      return true;
    } catch (error) {
      if (s3ErrorName(error) === 'ConditionalRequestConflict' && conflicts < CONFLICTS) {
        await sleep(CONFLICT_WAIT_MS);
        continue;
      }
      // Whatever went wrong: an answer may have been lost, and the manifest that is there be this one.
      const there = await readManifest(bucket).catch(() => null);
      if (there?.text === text) return true;
      if (['PreconditionFailed', 'NoSuchKey'].includes(s3ErrorName(error))) return false;
      throw error;
    }
  }
}
