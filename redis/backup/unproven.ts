import { FAILURES } from '../../domain/run/failure.ts';

/** The backup exists, but we could not prove that it holds what the store held. So it counts as no backup. */
export class BackupUnproven extends Error {
  override readonly name = FAILURES.BackupUnproven;
  readonly what: string;
  constructor(what: string, reason: string) {
    super(`backup of ${what} is not proven: ${reason}`);
    this.what = what;
  }
}
