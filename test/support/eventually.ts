import { setTimeout as delay } from 'node:timers/promises';
import { PATIENCE } from './patience.ts';

export interface Patience {
  /** For what must come sooner, or may take longer, than the default. Stretched by `PATIENCE`. @defaultValue 60 000 */
  readonly withinMs?: number;
  /** Shortest pause between two questions. @defaultValue 20 */
  readonly everyMs?: number;
}

/** A question that takes long is asked less often, because it takes the time of what it waits for. */
const PAUSE_FOR_EACH_MS = 3;

/**
 * Waits until `condition` returns something other than false, null and undefined. A condition that throws, for example
 * by a failed `expect`, is tried again.
 *
 * @returns what `condition` returned
 * @throws Error when the time is over; it says what was awaited and what was seen last
 */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  { withinMs = 60_000, everyMs = 20 }: Patience = {},
): Promise<Exclude<T, false | null | undefined>> {
  const limitMs = withinMs * PATIENCE;
  const deadline = performance.now() + limitMs;
  for (;;) {
    const asked = performance.now();
    const seen = await attempt(condition);
    if (isTrue(seen)) return seen.value;
    if (performance.now() > deadline) {
      const last = seen.error === undefined ? String(seen.value) : String(seen.error);
      throw new Error(`waited ${limitMs} ms for: ${what}; saw last: ${last}`, { cause: seen.error });
    }
    await delay(Math.max(everyMs, PAUSE_FOR_EACH_MS * (performance.now() - asked)));
  }
}

type Seen<T> = { readonly value?: T; readonly error?: unknown };
type Held<T> = { readonly value: Exclude<T, false | null | undefined> };

async function attempt<T>(condition: () => T | Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}

function isTrue<T>(seen: Seen<T>): seen is Held<T> {
  return seen.value !== undefined && seen.value !== null && seen.value !== false;
}
