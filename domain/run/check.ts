/**
 * One named preflight check. `red` blocks the start, `alert` is only reported. Each check that is not green has a
 * remedy.
 */
export type Check = {
  readonly name: string;
  /** Name of the store, dataset or other thing that was checked. */
  readonly subject: string;
  readonly verdict: 'green' | 'alert' | 'red';
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
};
