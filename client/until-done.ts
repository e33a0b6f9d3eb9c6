import type { Terminal } from './terminal.ts';

const QUIET_MS = 5_000;

/** The result of `work`; says `doubt` once when it takes long, because Temporal waits for a worker without a word. */
export async function untilDone<T>(work: Promise<T>, terminal: Terminal, doubt: string): Promise<T> {
  const timer = setTimeout(() => terminal.note(doubt), QUIET_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
