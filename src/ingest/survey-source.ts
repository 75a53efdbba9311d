import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Draft } from '../archive/draft.ts';
import type { IngestOptions } from '../model/ingest.ts';
import type { ListedFile } from '../model/listed-file.ts';
import { createSurveyor } from '../reader/sniff.ts';
import type { Survey } from '../reader/types.ts';
import type { Store } from '../store/store.ts';
import { GivenUp } from './load-file.ts';
import type { Source } from './source.ts';
import { createUnpacking, isPacked, type Unpacking } from './unpack.ts';

/** A file that is to be surveyed. */
export interface Surveying {
  readonly store: Store;
  readonly file: ListedFile;
  readonly source: Source;
  readonly options: IngestOptions;
  /** The copy that is made of it, or null. */
  readonly draft: Draft | null;
}

/** Bytes surveyed between two pauses, in which signals are heard. */
const PAUSE_BYTES = 16 * 1024 * 1024;

/** What a file is, before a row of it is believed. */
export interface Surveyed {
  /** SHA-256 (hex) of the file as it was delivered. */
  readonly sha256: string;
  /** The same of its text. */
  readonly textSha256: string;
  readonly survey: Survey;
}

/**
 * Reads the whole file once, and unpacks it where it comes compressed. What is hashed is what is copied.
 * @throws FileRefused `bad_gzip`, FileChanged, GivenUp, or what the file or the archive raises
 */
export async function surveySource(ingest: Surveying): Promise<Surveyed> {
  const { store, file, source, draft } = ingest;
  const surveyor = createSurveyor(store.feed.format);
  const packed = isPacked(store.feed, file.name);
  using unpacking = packed ? openUnpacking(file.stat.bytes) : null;
  const walk = source.walk();
  await walkWithPauses(ingest, walk.chunks, async (chunk) => {
    if (unpacking === null) surveyor.update(chunk);
    else await unpacking.write(chunk);
    await draft?.write(chunk);
  });
  source.requireUnchanged();
  const sha256 = walk.digest();
  if (unpacking === null) return { sha256, textSha256: sha256, survey: surveyor.finish() };
  source.useText(await unpacking.finish());
  const text = source.walkText();
  await walkWithPauses(ingest, text.chunks, (chunk) => {
    surveyor.update(chunk);
  });
  return { sha256, textSha256: text.digest(), survey: surveyor.finish() };
}

function openUnpacking(delivered: number): Unpacking & Disposable {
  const unpacking = createUnpacking(delivered);
  return {
    ...unpacking,
    [Symbol.dispose]: () => {
      unpacking.drop();
    },
  };
}

/** Does something with each chunk, and lets signals in between some of them. */
async function walkWithPauses(
  { file, options }: Surveying,
  chunks: Iterable<Uint8Array>,
  work: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  let bytesRead = 0;
  let pauseAt = PAUSE_BYTES;
  for (const chunk of chunks) {
    const done = work(chunk);
    if (done !== undefined) await done;
    bytesRead += chunk.length;
    if (bytesRead < pauseAt) continue;
    pauseAt = bytesRead + PAUSE_BYTES;
    await nextTurn();
    if (options.stop.aborted) throw new GivenUp();
    const bytesTotal = Math.max(bytesRead, file.stat.bytes);
    options.onProgress({ name: file.name, rows: 0, bytesRead, bytesTotal, phase: 'hashing' });
  }
}
