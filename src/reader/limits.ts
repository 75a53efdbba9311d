/** Where the reader gives up, and how much it takes at once: what keeps its memory bounded whatever the file holds. */
export interface Limits {
  /** Bytes decoded at a time. */
  readonly blockBytes: number;
  /** Bytes looked at to find the dialect and the header. */
  readonly sampleBytes: number;
  /** A longer line quarantines the file (`line_too_long`). */
  readonly lineBytes: number;
  /** A quoted field that does not close within so many characters … */
  readonly quotedCharacters: number;
  /** … or so many lines is given up (`unterminated_quote`). */
  readonly quotedLines: number;
  /** Events in a batch at most. */
  readonly batchRows: number;
}

/** A row is not split further than so many fields beyond what it should have. */
export const SPARE_FIELDS = 100;

export const LIMITS: Limits = {
  blockBytes: 64 * 1024,
  sampleBytes: 64 * 1024,
  lineBytes: 8 * 1024 * 1024,
  quotedCharacters: 64 * 1024,
  quotedLines: 100,
  batchRows: 4096,
};
