import type { Redis } from 'ioredis';
import type { Side } from '../../domain/plan/plan.ts';
import type { Home } from '../entry.ts';
import { nameOnV2, shown } from '../names.ts';
import { type Actual, type ActualValue, readAll } from './actual.ts';
import { type Finding, STORE_NAMES } from './finding.ts';
import { acknowledgedAfter, type History, type HistoryStep } from './history.ts';
import { type Look, render, renderText } from '../form.ts';
import type { State, StateValue } from './state.ts';

/** The steps that a key may hold. One match is enough. */
export type Allowed = (history: History) => readonly HistoryStep[];

/** Compares each key of one store with its history. No process may write to the store meanwhile. */
export async function checkSide(
  redis: Redis,
  store: Home,
  histories: readonly History[],
  allowed: Allowed,
): Promise<Finding[]> {
  const side: Side = store === 'v2' ? 'target' : 'source';
  const named = new Map(histories.map((history) => [nameOn(side, history), history]));
  const findings: Finding[] = [];
  const askedAt = Date.now();
  for await (const [name, actual] of readAll(redis, [...named.keys()])) {
    const history = named.get(name);
    if (history === undefined) continue;
    const answeredAt = Date.now();
    const fits = (step: HistoryStep) => faultAt(step, actual, side, history, { askedAt, answeredAt });
    const faults = allowed(history).map(fits);
    if (faults.includes(null)) continue;
    findings.push({
      where: STORE_NAMES[store],
      key: shown(history.home, history.key),
      what: `${faults.at(-1) ?? 'no state is right'}${standsAt(history, fits)}`,
      writes: writesMissing(history, fits),
    });
  }
  return findings;
}

export function nameOn(side: Side, { home, key }: Pick<History, 'home' | 'key'>): string {
  return side === 'target' ? nameOnV2(home, key) : key;
}

type Asked = { readonly askedAt: number; readonly answeredAt: number };

/** @returns `null` when the key holds one of the step's states; else the fault against the last, most likely state */
function faultAt(
  step: HistoryStep,
  actual: Actual | null,
  side: Side,
  history: History,
  asked: Asked,
): Fault | null {
  const look = { form: side, spelling: history.spelling };
  const faults = step.possible.map((state) => faultOf(state, actual, look, asked));
  return faults.includes(null) ? null : (faults.at(-1) ?? 'another value');
}

/** @returns which earlier write the store still holds, as the rest of a sentence; '' = none of them */
function standsAt(history: History, fits: (step: HistoryStep) => Fault | null): string {
  const at = history.steps.findLastIndex((step) => fits(step) === null);
  if (at < 0 || history.steps.length === 1) return '';
  return `; holds write ${at} of ${history.steps.length - 1}`;
}

function writesMissing(history: History, fits: (step: HistoryStep) => Fault | null): number {
  const at = history.steps.findLastIndex((step) => fits(step) === null);
  return acknowledgedAfter(history, Math.max(0, at));
}

/** The fault of a key. Functions return `null` for a key without a fault. */
type Fault = 'missing' | 'should be gone' | 'another value' | 'another expiry';

/**
 * Compares what a store holds with what it must hold, byte for byte in the form of its side.
 *
 * @param asked when the store was read: near its expiry a key may be there or not
 */
function faultOf(
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

/** Compares as sets, because a copy need not keep the order of hashes, sets and zsets. */
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
