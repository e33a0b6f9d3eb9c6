/** The failure types that the workflow handles in different ways. Any other failure is retried by its retry policy. */
export const FAILURES = {
  /** A preflight check is red. Nothing was changed. */
  PreflightRed: 'PreflightRed',
  /** Another running migration holds a store. */
  StoresClaimed: 'StoresClaimed',
  /** An address of this worker leads to another store than the one that was claimed. Nothing was written. */
  WrongStore: 'WrongStore',
  /**
   * A store holds no claim: it is another server, or our server lost its data. Nothing was written, and an operator
   * decides.
   */
  StoreUnclaimed: 'StoreUnclaimed',
  /**
   * The authority that the stores record is not the one that the migration knows. Nothing was undone, and an operator
   * decides.
   */
  AuthorityMoved: 'AuthorityMoved',
  /** A switch failed before the flip, for whatever reason. The old side is open again, and the switch may be tried again. */
  CutoverTooSlow: 'CutoverTooSlow',
  /** It cannot be known which side serves. The workflow never retries and never compensates. */
  OwnershipUncertain: 'OwnershipUncertain',
  /** A later token holds the fences. Nothing was changed. The workflow runs the step again under a new number. */
  SwitchLeaseLost: 'SwitchLeaseLost',
  /** No side is suspect, or the operator did not say which one is meant. Nothing was decided. */
  NothingToDecide: 'NothingToDecide',
  /** A restore did not prove the backup. An unproven backup does not count as a backup. */
  BackupUnproven: 'BackupUnproven',
  /** The plan cannot work as given, on no worker of this version. */
  BadConfiguration: 'BadConfiguration',
  /** The plan names something that this worker does not allow. A worker that was started otherwise may allow it. */
  NotAllowedHere: 'NotAllowedHere',
} as const;

export type FailureType = (typeof FAILURES)[keyof typeof FAILURES];

/** Trying again cannot help with these failures: a person must change something first. */
export const FINAL_FAILURES: readonly string[] = [
  FAILURES.PreflightRed,
  FAILURES.StoresClaimed,
  FAILURES.OwnershipUncertain,
  FAILURES.BackupUnproven,
  FAILURES.BadConfiguration,
  FAILURES.NothingToDecide,
] satisfies FailureType[];

/**
 * Failures that a person must repair or decide on, and that the workflow retries meanwhile. They are no reason to go
 * back, because the undo steps would meet the same stores, and the same worker.
 */
export const STORE_DOUBTS: readonly string[] = [
  FAILURES.WrongStore,
  FAILURES.StoreUnclaimed,
  FAILURES.AuthorityMoved,
  FAILURES.NotAllowedHere,
] satisfies FailureType[];
