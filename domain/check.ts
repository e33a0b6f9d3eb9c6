/** One named preflight check. `red` blocks the start; `alert` is reported; each non-green one has a remedy. */
export type Check = {
  readonly name: string;
  /** Store name, dataset name, or what else was looked at. */
  readonly subject: string;
  readonly verdict: 'green' | 'alert' | 'red';
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
};
