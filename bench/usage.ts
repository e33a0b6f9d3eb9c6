import { readFileSync } from 'node:fs';

/** USER_HZ of Linux, which /proc counts in, whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100;

/** CPU time a process has used so far, user and system, ms; without a /proc there is no figure. */
export function cpuMs(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1_000;
}

/** The most memory a process has held so far, MB. */
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
