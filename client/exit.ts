/** Exit codes of every verb (design §10). */
export const EXIT = {
  fine: 0,
  error: 1,
  /** Bad usage or plan. */
  usage: 2,
  /** Not now; the message says what is legal now. */
  refused: 3,
  /** A red gate or preflight check, or differences found. */
  red: 4,
  /** Ended aborted or rolled back. */
  endedBack: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a verb with a sentence for the operator; what cannot be done is said, never shown as a stack. */
export class VerbFailed extends Error {
  override readonly name = 'VerbFailed';
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
