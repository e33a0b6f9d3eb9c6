import { setTimeout as delay } from 'node:timers/promises';
import type { VerifyStatus } from '../../domain/gates/status.ts';

const REPORT_MS = 1_000;
/**
 * A store that has not answered for this long is silent, ms. What the verifier knows is no older than this then, and
 * the gates take another 15 s for silence.
 */
const SILENT_MS = 2_000;

export type Reporting = {
  readonly status: () => VerifyStatus;
  /** For how long a store has not answered, ms. */
  readonly silentMs: () => number;
  readonly report: (status: VerifyStatus, saidAtMs: number) => void;
  /** Returns the time of a status, ms; absent = statuses are not dated. It rejects while the store does not answer. */
  readonly clock?: (() => Promise<number>) | undefined;
};

/** Reports once. The time is taken before the status is put together, so the status never looks newer than it is. */
export async function reportNow({ status, report, clock }: Reporting): Promise<void> {
  const saidAtMs = clock ? await clock().catch(() => null) : Number.NaN;
  if (saidAtMs !== null) report(status(), saidAtMs);
}

/**
 * Reports about once a second, whatever the verifier waits for meanwhile: its bounds, an impact window, or a value of
 * many megabytes. While a store is silent it reports nothing. Then the status grows old and its gates turn red.
 */
export async function reportRegularly(reporting: Reporting, signal: AbortSignal): Promise<void> {
  for (;;) {
    await delay(REPORT_MS, undefined, { signal });
    if (reporting.silentMs() < SILENT_MS) await reportNow(reporting);
  }
}

/**
 * Knows for how long a store has not answered. The verifier also waits on purpose, for its bounds or for an impact
 * window, and such a wait is no silence. So it reports its status while it waits, and reports none while a store is
 * silent.
 */
export class Unanswered {
  #asked = 0;
  #answeredAt = 0;

  /** Waits for the answer of a store. */
  async during<T>(answer: Promise<T>): Promise<T> {
    if (this.#asked++ === 0) this.answered();
    try {
      return await answer;
    } finally {
      this.#asked--;
      this.answered();
    }
  }

  /** A part of an answer has come, such as one piece of a large value. */
  answered(): void {
    this.#answeredAt = performance.now();
  }

  /** Time since the last answer, ms; 0 while no store is asked. */
  get forMs(): number {
    return this.#asked === 0 ? 0 : performance.now() - this.#answeredAt;
  }
}
