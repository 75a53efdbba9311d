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
