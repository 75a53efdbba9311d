import { hkdfSync } from 'node:crypto';
import type { ProtectionKey } from '../model/protection-key.ts';

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
