/** @throws when apps have waited as long as the plan allows */
export function assertInTime(deadlineMs: number): void {
  if (Date.now() > deadlineMs) throw new Error('the fence budget is used up');
}
