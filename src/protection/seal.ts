import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { derive } from './key.ts';

/** What a sealed text begins with; no text in any encoding that the reader knows does. */
const MAGIC = Buffer.from([0xff, 0x4c, 0x46, 0x01]);
const SALT = 16;
const NONCE = 12;
const TAG = 16;
const HEAD = MAGIC.length + SALT + NONCE;

/** Of what a sealed value was made: bytes, or text in UTF-8. */
const BYTES = 0;
const TEXT = 1;

/** What to a store is only bytes. */
export type Sealed = Uint8Array;

/**
 * Makes what seals texts by AES-256-GCM, each under a nonce of its own, under a key derived for this sealer: its salt is random and
 * its nonces count, so that no nonce is used twice however much is sealed.
 * Layout: magic (4), salt (16), nonce (12), text, tag (16). Inside, one byte says whether it was text or bytes.
 * @param key `sealing` of the protection key
 */
export function createSealer(key: Uint8Array): (raw: string | Uint8Array) => Sealed {
  const salt = randomBytes(SALT);
  const own = derive(key, 'seal', 32, salt);
  let count = 0n;
  return (raw) => {
    const nonce = Buffer.alloc(NONCE);
    nonce.writeBigUInt64BE(count++, NONCE - 8);
    const cipher = createCipheriv('aes-256-gcm', own, nonce);
    const kind = cipher.update(Uint8Array.of(typeof raw === 'string' ? TEXT : BYTES));
    const body = typeof raw === 'string' ? cipher.update(raw, 'utf8') : cipher.update(raw);
    return Buffer.concat([MAGIC, salt, nonce, kind, body, cipher.final(), cipher.getAuthTag()]);
  };
}

/** Whether a kept text is sealed. */
export function isSealed(kept: string | Uint8Array): kept is Sealed {
  return typeof kept !== 'string' && kept.length >= HEAD + 1 + TAG && MAGIC.equals(kept.subarray(0, MAGIC.length));
}

/**
 * Makes what opens sealed texts.
 * @param key `sealing` of the protection key
 * @returns null for what was sealed under another key, or changed since
 */
export function createOpener(key: Uint8Array): (sealed: Sealed) => string | Uint8Array | null {
  // One file's texts have one salt, and lie together.
  let salt = Buffer.alloc(0);
  let own: Uint8Array = new Uint8Array(0);
  return (sealed) => {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const itsSalt = bytes.subarray(MAGIC.length, MAGIC.length + SALT);
    if (!itsSalt.equals(salt)) {
      salt = Buffer.from(itsSalt);
      own = derive(key, 'seal', 32, salt);
    }
    const decipher = createDecipheriv('aes-256-gcm', own, bytes.subarray(HEAD - NONCE, HEAD));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG));
    try {
      const opened = Buffer.concat([decipher.update(bytes.subarray(HEAD, bytes.length - TAG)), decipher.final()]);
      return opened[0] === TEXT ? opened.toString('utf8', 1) : Uint8Array.from(opened.subarray(1));
    } catch {
      return null;
    }
  };
}
