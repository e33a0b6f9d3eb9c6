/** No Temporal server answers where one is looked for. */
export class TemporalSilent extends Error {
  override readonly name = 'TemporalSilent';
  constructor(address: string | undefined, options?: ErrorOptions) {
    const where = address ?? 'localhost:7233';
    super(`Temporal does not answer at ${where}: start it (jday dev) or set TEMPORAL_ADDRESS.`, options);
  }
}
