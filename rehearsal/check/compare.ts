import { type Look, render, renderText } from '../form.ts';
import type { Actual, ActualValue } from './actual.ts';
import type { State, StateValue } from './state.ts';

/** What is wrong with a key; `null` = nothing. */
export type Fault = 'missing' | 'should be gone' | 'another value' | 'another expiry';

/**
 * Compares what a store holds with what it must hold, byte for byte in the form of its side.
 *
 * @param askedAt, answeredAt when the store was read: near its expiry a key may be there or not
 */
export function faultOf(
  expected: State | null,
  actual: Actual | null,
  look: Look,
  asked: { readonly askedAt: number; readonly answeredAt: number },
): Fault | null {
  if (expected === null) return actual === null ? null : 'should be gone';
  if (actual === null) return mayBeGone(expected, asked.answeredAt) ? null : 'missing';
  if (expected.expires !== null && expected.expires[1] < asked.askedAt) return 'should be gone';
  if (!sameValue(expected.value, actual.value, look)) return 'another value';
  return sameExpiry(expected, actual) ? null : 'another expiry';
}

function mayBeGone({ expires }: State, answeredAt: number): boolean {
  return expires !== null && expires[0] <= answeredAt;
}

function sameExpiry({ expires }: State, { expiresAt }: Actual): boolean {
  if (expires === null || expiresAt === null) return expires === null && expiresAt === null;
  return expires[0] <= expiresAt && expiresAt <= expires[1];
}

function sameValue(expected: StateValue, actual: ActualValue, look: Look): boolean {
  switch (expected.type) {
    case 'string':
      return actual.type === 'string' && actual.bytes.equals(render(expected.content, look));
    case 'hash': {
      if (actual.type !== 'hash') return false;
      const fields = [...expected.fields].map(
        ([name, content]) => [renderText(name, look), render(content, look)] as const,
      );
      return sameTexts(
        fields.map(([name, bytes]) => pair(name, bytes)),
        pairs(actual.fields),
      );
    }
    case 'zset': {
      if (actual.type !== 'zset') return false;
      const scored = pairs(actual.members, (score) => String(Number(score)));
      return sameTexts(
        [...expected.members].map(([member, score]) => pair(member, String(score))),
        scored,
      );
    }
    case 'set':
      return actual.type === 'set' && sameTexts([...expected.members].map(text), actual.members.map(text));
    case 'list':
      return (
        actual.type === 'list' &&
        actual.items.length === expected.items.length &&
        expected.items.every((item, at) => actual.items[at]?.equals(render(item, look)))
      );
  }
}

/** As sets: hashes, sets and zsets have no order of their own that a copy must keep. */
function sameTexts(expected: string[], actual: string[]): boolean {
  expected.sort();
  actual.sort();
  return expected.length === actual.length && expected.every((one, at) => one === actual[at]);
}

function pairs(
  flat: readonly Buffer[],
  value: (bytes: Buffer) => string | Buffer = (bytes) => bytes,
): string[] {
  return Array.from({ length: flat.length / 2 }, (_, at) =>
    pair(flat[2 * at] ?? '', value(flat[2 * at + 1] ?? Buffer.alloc(0))),
  );
}

function pair(name: string | Buffer, value: string | Buffer): string {
  return `${text(name)}\u0000${text(value)}`;
}

function text(bytes: string | Buffer): string {
  return (typeof bytes === 'string' ? Buffer.from(bytes) : bytes).toString('latin1');
}
