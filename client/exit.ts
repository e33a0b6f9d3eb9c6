/** The exit codes of every verb. */
export const EXIT = {
  fine: 0,
  error: 1,
  /** The options or the plan are wrong. */
  usage: 2,
  /** Not possible now; the message says what is possible now. */
  refused: 3,
  /** A preflight check is red. */
  red: 4,
  /** The migration ended as `aborted` or `rolled-back`. */
  endedBack: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a verb with an exit code and a sentence for the operator. The operator never sees a stack trace. */
export class VerbFailed extends Error {
  override readonly name = 'VerbFailed';
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
