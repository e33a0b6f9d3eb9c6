/** The failure types that the workflow tells apart; any other is tried again as its policy says. */
export const FAILURES = {
  /** A red preflight check. Nothing was changed. */
  PreflightRed: 'PreflightRed',
  /** A store is held by another running migration. */
  StoresClaimed: 'StoresClaimed',
  /** The fence budget was exceeded before the flip: un-fenced, may be tried again. */
  CutoverTooSlow: 'CutoverTooSlow',
  /** Nobody can know which side serves: never retried, never compensated. */
  OwnershipUncertain: 'OwnershipUncertain',
  /** No side is suspect, or it was not said which: nothing was decided. */
  NothingToDecide: 'NothingToDecide',
  /** A backup could not be proven by restore (L10). */
  BackupUnproven: 'BackupUnproven',
  /** Plan or environment cannot work as given. */
  BadConfiguration: 'BadConfiguration',
} as const;

export type FailureType = (typeof FAILURES)[keyof typeof FAILURES];
