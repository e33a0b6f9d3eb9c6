import type { Trouble } from '../redis/tls/tls-trouble.ts';

/** No Temporal server answers at the address of the settings, or TLS keeps us from it. */
export class TemporalSilent extends Error {
  override readonly name = 'TemporalSilent';
  constructor(address: string | undefined, options?: ErrorOptions, trouble: Trouble | null = null) {
    const where = address ?? 'localhost:7233';
    const sentence = trouble
      ? `Temporal cannot be used at ${where}: ${trouble.reason}. ${trouble.remedy}.`
      : `Temporal does not answer at ${where}: start it (jday dev) or set TEMPORAL_ADDRESS.`;
    super(sentence, options);
  }
}
