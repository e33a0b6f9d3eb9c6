import { readFileSync } from 'node:fs';

/** USER_HZ of Linux. /proc counts in this unit, whatever the tick of the kernel is. */
const TICKS_PER_SECOND = 100;

/** CPU time that a process has used so far, user and system, ms. NaN without /proc. */
export function cpuMs(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  // The name in parentheses may contain spaces, so count the fields after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1_000;
}

/** The most memory that a process has held so far, MB. NaN without /proc. */
export function peakMemoryMb(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1]) / 1_024;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
