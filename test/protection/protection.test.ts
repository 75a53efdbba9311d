import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHasher } from '../../src/protection/hash-value.ts';
import { deriveKey } from '../../src/protection/key.ts';
import { makeKeyFile, readKeyFile } from '../../src/protection/key-file.ts';
import { PROTECTIONS, type ProtectionName } from '../../src/columns/protections.ts';
import { createOpener, createSealer, isSealed } from '../../src/protection/seal.ts';
import { createSealStream, createUnsealStream } from '../../src/protection/seal-stream.ts';
import { tempFolder } from '../helpers/temp.ts';

const KEY = deriveKey(new Uint8Array(32).fill(7));
const OTHER = deriveKey(new Uint8Array(32).fill(8));

function protect(name: ProtectionName, value: string | number, year = 2026): string | number | null {
  return PROTECTIONS[name].make({ hash: createHasher(KEY.hashing), year })(value);
}

describe('P9: a protected value', () => {
  test('is hashed by HMAC-SHA-256, whatever was hashed before it', () => {
    const hash = createHasher(KEY.hashing);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 300, maxLength: 2_000 })), (text) => {
        const expected = createHmac('sha256', KEY.hashing).update(text).digest('hex');
        expect([hash(text), hash(text)]).toEqual([expected, expected]);
      }),
    );
    expect(hash('')).not.toBe(createHasher(OTHER.hashing)(''));
  });

  test('remembers some values only, and stays right when it forgets', () => {
    const hash = createHasher(KEY.hashing);
    const texts = Array.from({ length: 10_000 }, (_, i) => `value ${i}`);
    const first = texts.map(hash);
    expect(texts.map(hash)).toEqual(first);
    expect(new Set(first).size).toBe(10_000);
  });

  test.each([
    ['mask', 'Margarita', 'M********'],
    ['mask', "Anne-Marie O'Neil", "A***-***** *'****"],
    ['mask', 'Ö', '*'],
    ['mask', '李小龙', '李**'],
    ['mask', '', ''],
    ['last4', '123-45-6789', '***-**-6789'],
    ['last4', '12345', '***45'],
    ['last4', '7', '*'],
    ['year', '1980-12-31', '1980'],
    ['year', '1937-01-01', '1937'],
    ['year', '1936-12-31', '1900'],
    ['year', '1890-01-01', '1900'],
    ['zip3', '60601', '606'],
    ['zip3', '60601-1234', '606'],
    ['zip3', '606011234', '606'],
    ['zip3', '03601', '000'],
    ['zip3', '6060', '000'],
    ['zip3', 'K1A 0B1', '000'],
    ['drop', 'anything', null],
  ] as const)('%s of %j is %j', (name, value, expected) => {
    expect(protect(name, value)).toBe(expected);
  });

  test('never shows more than half of its letters and digits when masked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('mask', 'last4'), (text, name) => {
        const letters = text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
        const shown = String(protect(name, text)).match(/[\p{L}\p{N}]/gu)?.length ?? 0;
        expect(shown).toBeLessThanOrEqual(letters / 2);
      }),
    );
  });
});

describe('P9: a sealed text', () => {
  test('opens to what it was, text or bytes, under its key alone', () => {
    const seal = createSealer(KEY.sealing);
    const open = createOpener(KEY.sealing);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()), (raw) => {
        const sealed = seal(raw);
        expect(isSealed(sealed)).toBe(true);
        expect(open(sealed)).toEqual(raw);
        expect(createOpener(OTHER.sealing)(sealed)).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  test('is different each time, and opens no more once a bit of it was changed', () => {
    const seal = createSealer(KEY.sealing);
    const open = createOpener(KEY.sealing);
    expect(seal('ZQ1')).not.toEqual(seal('ZQ1'));
    expect(createSealer(KEY.sealing)('ZQ1')).not.toEqual(createSealer(KEY.sealing)('ZQ1'));
    const sealed = seal('a row of a file');
    for (let at = 4; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(open(changed)).toBeNull();
    }
    expect(isSealed('a text')).toBe(false);
    expect(isSealed(Buffer.from('a text that is long enough to be a sealed one, but none'))).toBe(false);
  });
});

async function through(stream: NodeJS.ReadWriteStream, chunks: readonly Uint8Array[]): Promise<Buffer> {
  return buffer(Readable.from(chunks).pipe(stream));
}

function chunked(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.slice(at * size, (at + 1) * size));
}

async function unsealed(sealed: Uint8Array, key = KEY.archive): Promise<Buffer> {
  const stream = createUnsealStream(key);
  const done = buffer(stream);
  stream.end(sealed);
  return done;
}

describe('P9: a sealed stream', () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 131_072, 300_000])('of %d bytes opens to what it was', async (size) => {
    const bytes = randomBytes(size);
    const sealed = await through(createSealStream(KEY.archive), chunked(bytes, 10_000));
    expect(await through(createUnsealStream(KEY.archive), chunked(sealed, 7_777))).toEqual(bytes);
    expect(await through(createUnsealStream(KEY.archive), chunked(sealed, 1_000_000))).toEqual(bytes);
  });

  test('is refused when it was changed, cut short, put together anew, or sealed under another key', async () => {
    const bytes = randomBytes(200_000);
    const sealed = await through(createSealStream(KEY.archive), [bytes]);
    const piece = 64 * 1024 + 16;
    const changed = Buffer.from(sealed);
    changed[100_000] = (changed[100_000] ?? 0) ^ 1;
    const swapped = Buffer.concat([
      sealed.subarray(0, 20),
      sealed.subarray(20 + piece, 20 + 2 * piece),
      sealed.subarray(20, 20 + piece),
      sealed.subarray(20 + 2 * piece),
    ]);
    const cuts = [0, 10, 20, 30, 20 + piece, 20 + 2 * piece, sealed.length - 1].map((end) => sealed.subarray(0, end));
    for (const wrong of [changed, swapped, ...cuts]) await expect(unsealed(wrong)).rejects.toThrow('it ');
    await expect(unsealed(sealed, OTHER.archive)).rejects.toThrow('another key');
    expect(await unsealed(sealed)).toEqual(bytes);
  });
});

describe('a key file', () => {
  test('is made for its owner alone, read again, and never overwritten', () => {
    const file = join(tempFolder(), 'key');
    const fingerprint = makeKeyFile(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readKeyFile(file).fingerprint).toBe(fingerprint);
    expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
    const text = readFileSync(file, 'utf8');
    expect(() => makeKeyFile(file)).toThrow('is there already');
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(makeKeyFile(join(tempFolder(), 'key'))).not.toBe(fingerprint);
  });

  test('is one clear error when it is not there, not a key, or readable by everybody; its text is not quoted', () => {
    const folder = tempFolder();
    const file = join(folder, 'key');
    expect(() => readKeyFile(file)).toThrow('landfall key new FILE');
    makeKeyFile(file);
    chmodSync(file, 0o644);
    expect(() => readKeyFile(file)).toThrow('every user of this machine may read it');
    writeFileSync(join(folder, 'wrong'), 'ZQ-secret', { mode: 0o600 });
    expect(() => readKeyFile(join(folder, 'wrong'))).toThrow(/^(?!.*ZQ).*is not a key file/);
    mkdirSync(join(folder, 'folder'));
    expect(() => readKeyFile(join(folder, 'folder'))).toThrow('is not a file');
    symlinkSync(file, join(folder, 'link'));
    expect(() => readKeyFile(join(folder, 'link'))).toThrow('every user of this machine may read it');
    expect(() => makeKeyFile(join(folder, 'none/key'))).toThrow('cannot be made');
  });
});
