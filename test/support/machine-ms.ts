/**
 * Returns the time of a clock that all processes of a machine share, ms. It does not depend on their wall clocks, which
 * a test may shift.
 */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
