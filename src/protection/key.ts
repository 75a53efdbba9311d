import { hkdfSync } from 'node:crypto';

/** What protects patient data, derived from one secret. */
export interface ProtectionKey {
  /** Tells keys apart, and nothing about them: the ledger keeps it. 16 hex digits. */
  readonly fingerprint: string;
  /** Of HMAC-SHA-256 for `protect: hash`. 32 bytes. */
  readonly hashing: Uint8Array;
  /** What the keys of sealed texts are derived from. 32 bytes. */
  readonly sealing: Uint8Array;
  /** What the keys of sealed archive copies are derived from. 32 bytes. */
  readonly archive: Uint8Array;
}

/** How many bytes the secret has. */
export const SECRET_BYTES = 32;

/**
 * Derives the keys from a secret by HKDF with SHA-256 (RFC 5869), each for one purpose: knowing one tells nothing of the others.
 * @param secret 32 random bytes
 */
export function deriveKey(secret: Uint8Array): ProtectionKey {
  return {
    fingerprint: Buffer.from(derive(secret, 'fingerprint', 8)).toString('hex'),
    hashing: derive(secret, 'hash', 32),
    sealing: derive(secret, 'seal', 32),
    archive: derive(secret, 'archive', 32),
  };
}

/**
 * Derives bytes for one purpose.
 * @param salt makes them differ between uses; empty: none
 */
export function derive(secret: Uint8Array, purpose: string, bytes: number, salt = new Uint8Array(0)): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, `landfall ${purpose} 1`, bytes));
}
