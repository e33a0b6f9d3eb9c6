/**
 * How much longer than usual a limit on time is. `JDAY_TEST_PATIENCE` says it, 1 by default, for slow or busy machines.
 * Limits are for hangs only: what a test waits for is a condition.
 */
export const PATIENCE = Number(process.env['JDAY_TEST_PATIENCE'] ?? 1);
