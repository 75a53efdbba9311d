/** A straight line through measurements. */
export interface Slope {
  readonly mean: number;
  /** Per unit of x. */
  readonly slope: number;
  /** The standard error of the slope: a slope within three of it is as good as none. */
  readonly error: number;
}

/** Least squares. @throws RangeError with fewer than three points */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): Slope {
  const count = points.length;
  if (count < 3) throw new RangeError(`a slope takes three points, not ${count}`);
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const mean = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - mean), 0) / spread;
  const rest = points.reduce((sum, [x, y]) => sum + (y - mean - slope * (x - meanX)) ** 2, 0);
  return { mean, slope, error: Math.sqrt(rest / (count - 2) / spread) };
}

/** Whether a line rises by more than a share of its mean over a span of x, and not by chance. */
export function rises(line: Slope, span: number, share: number): boolean {
  return line.slope > 3 * line.error && line.slope * span > share * Math.abs(line.mean);
}
