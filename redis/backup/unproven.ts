import { FAILURES } from '../../domain/failure.ts';

/** The backup exists but could not be shown to hold what the store held (L10): it counts as none. */
export class BackupUnproven extends Error {
  override readonly name = FAILURES.BackupUnproven;
  readonly what: string;
  constructor(what: string, reason: string) {
    super(`backup of ${what} is not proven: ${reason}`);
    this.what = what;
  }
}
