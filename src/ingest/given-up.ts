/** Raised inside an ingest that is told to stop; it is rolled back. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
}
