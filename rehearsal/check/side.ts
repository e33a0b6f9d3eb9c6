import type { Redis } from 'ioredis';
import type { Side } from '../../domain/side.ts';
import type { Home } from '../entry.ts';
import { nameOnV2, shown } from '../names.ts';
import { type Actual, readAll } from './actual.ts';
import { type Fault, faultOf } from './compare.ts';
import { type Finding, STORE_NAMES } from './finding.ts';
import { acknowledgedAfter, type History, type Step } from './history.ts';

/** The steps that a key may stand at; any of them will do. */
export type Allowed = (history: History) => readonly Step[];

/** Holds each key of one store against its history. Nobody may write there meanwhile. */
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
    const fits = (step: Step) => faultAt(step, actual, side, history, { askedAt, answeredAt });
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

/** The fault of the likeliest state of a step, or `null` when one of its states is there. */
function faultAt(
  step: Step,
  actual: Actual | null,
  side: Side,
  history: History,
  asked: Asked,
): Fault | null {
  const look = { form: side, spelling: history.spelling };
  const faults = step.possible.map((state) => faultOf(state, actual, look, asked));
  return faults.includes(null) ? null : (faults.at(-1) ?? 'another value');
}

/** Says which earlier write the store still holds, if it is one of them. */
function standsAt(history: History, fits: (step: Step) => Fault | null): string {
  const at = history.steps.findLastIndex((step) => fits(step) === null);
  if (at < 0 || history.steps.length === 1) return '';
  return `; holds write ${at} of ${history.steps.length - 1}`;
}

function writesMissing(history: History, fits: (step: Step) => Fault | null): number {
  const at = history.steps.findLastIndex((step) => fits(step) === null);
  return acknowledgedAfter(history, Math.max(0, at));
}
